import type { CityClock } from './clock.ts'
import type { Doors } from './doors.ts'
import type { Scripted, Town } from './town.ts'
import type { Warehouses } from './warehouses.ts'

/** What a town's warehouses say at their hour whatever else happens: counts, deliveries and pauses of a recording. */
export interface RecordedOptions {
  town: Pick<Town, 'script'>
  /** business ms */
  beginning: number
  clock: CityClock
  doors: Pick<Doors, 'ops'>
  warehouses: Pick<Warehouses, 'say'>
  spawn: (work: Promise<void>) => void
}

export async function sayRecorded(options: RecordedOptions): Promise<void> {
  const { town, clock, beginning, spawn } = options
  for (const word of town.script ?? []) {
    await clock.until(beginning + word.due_ms)
    spawn(say(options, word))
  }
}

async function say({ doors, warehouses, beginning, clock }: RecordedOptions, word: Scripted): Promise<void> {
  const { type, data } = word
  if (type === 'warehouse.paused' || type === 'warehouse.resumed') {
    await doors.ops.setPaused(data.warehouse_id, type === 'warehouse.paused', data.reason ?? 'as_recorded')
    return
  }
  const { as_of, until } = data
  await warehouses.say(type, {
    ...data,
    // A count is not of the time to come, however the clock was rounded.
    ...(as_of !== undefined && { as_of: Math.min(clock.now(), Math.round(beginning + as_of)) }),
    ...(until !== undefined && { until: Math.round(beginning + until) }),
  })
}
