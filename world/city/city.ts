import { setTimeout as delay } from 'node:timers/promises'
import { type CityClock, openClock } from './clock.ts'
import { type DoorReport, type Doors, openDoors, untilStopped } from './doors.ts'
import { openPeople, type PeopleReport } from './people.ts'
import type { Scenes } from './scenes/play.ts'
import type { SceneRecord } from './scenes/stage.ts'
import type { Town } from './town.ts'
import type { Trouble } from './trouble.ts'

/**
 * The outside world in motion: customers, warehouses and couriers of a town. It acts on Waggle through its
 * public doors only, and learns what Waggle decided as a partner's or a courier's app would.
 */
export interface CityOptions {
  ingest_url: string
  dispatch_url: string
  /** a key with the scopes events:write, network:write, orders, courier and, for scenes, dispatch */
  key: string
  seed: number
  /** business s a wall second */
  speed: number
  town: Town
  /** business min that go by before `begin` resolves; default: the town's */
  warm_up_min?: number
  /** Trouble by the script, from the moment when `begin` resolves; absent: none. `pace`: wall s for each s of the script, default 1 */
  scenes?: { pace?: number }
  say: (line: string) => void
}

export interface City {
  /** The network, the first counts and shifts, then the town's warm-up at a high rate. Resolves at the chosen speed. */
  begin(): Promise<void>
  /** Everybody stops; resolves when no answer is missing, or after ten seconds. */
  stop(): Promise<void>
  /** resolves when the town's orders have all come, and are done or nobody is left to do them */
  over: Promise<void>
  /** rejects when the city itself has failed */
  failed: Promise<never>
  report(): CityReport
  /** undefined: it has not begun */
  trouble(): Trouble | undefined
}

export interface CityReport extends PeopleReport {
  doors: DoorReport
  scenes: SceneRecord[]
  /** business time, ms; of the town's beginning and now */
  beginning_ms: number
  time_ms: number
}

/** So fast goes the warm-up where the machine keeps up; it is slowed while answers take long. */
const WARM_UP_RATE = 60
const SLOW_ANSWER_MS = 250
const LAST_ANSWERS_MS_MAX = 10_000

export function openCity(options: CityOptions): City {
  const { town } = options
  const stop = new AbortController()
  let beginning = 0
  let trouble: Trouble | undefined
  let scenes: Scenes = { records: [] }
  const { promise: failed, reject } = Promise.withResolvers<never>()
  failed.catch(() => {}) // whoever waits for it hears of it; nobody has to
  const clock = openClock({ wall_ms: 0, time_ms: 0, rate: 1 })
  const spawn = (work: Promise<void>): void => void untilStopped(work).catch(reject)
  const doors = openDoors({ ...options, stop: stop.signal })
  const people = openPeople(options, {
    ...{ clock, doors, spawn, beginning: () => beginning, onFailure: reject, stop: stop.signal },
  })

  return {
    failed,
    over: people.over,
    async begin() {
      beginning = await setTheHour(town, doors, clock, (options.warm_up_min ?? town.warm_up_min) * 60_000)
      await setUpNetwork(town, doors)
      await people.arrive()
      people.start()
      const untold = people.trouble()
      trouble = people.told(untold)
      await warmUp(options, clock, doors, beginning)
      if (options.scenes) scenes = people.play(untold)
    },
    async stop() {
      clock.stop()
      people.pause()
      const until = performance.now() + LAST_ANSWERS_MS_MAX
      while (doors.open() > 0 && performance.now() < until) await delay(20)
      stop.abort()
    },
    trouble: () => trouble,
    report: () => ({
      ...people.report(),
      doors: doors.report,
      scenes: scenes.records,
      beginning_ms: beginning,
      time_ms: clock.now(),
    }),
  }
}

/** @returns the business time of the town's beginning: `ahead_ms` from now */
async function setTheHour(town: Town, doors: Doors, clock: CityClock, ahead_ms: number): Promise<number> {
  const time_ms = town.begins(Date.now()) - ahead_ms
  // Where a clock runs already, as on servers that are used again, time can only go on: it will be another hour then.
  const taken = (await doors.putClock({ time_ms, rate: 1 })) ?? (await doors.putClock({ rate: 1 }))
  if (taken === undefined) throw new Error('PUT /v1/clock refuses a rate alone')
  clock.set(taken)
  return taken.time_ms + ahead_ms
}

async function setUpNetwork({ zone_id, name, time_zone, cells, policy, places }: Town, doors: Doors): Promise<void> {
  await doors.putZone({ name, time_zone, cells: [...cells], ...(policy && { policy }) }, zone_id)
  for (const { warehouse_id, travel, ...place } of places) {
    const { name, point, radius_m, pickers, pick_s_per_line, pack_s, opening } = place
    const terms = { radius_m, pickers, pick_s_per_line, pack_s, ...(opening && { opening }) }
    await doors.putWarehouse({ zone_id, name, point, time_zone, ...terms }, warehouse_id)
    if (travel !== undefined) await doors.putTravel(travel, warehouse_id)
  }
}

async function warmUp(options: CityOptions, clock: CityClock, doors: Doors, beginning: number): Promise<void> {
  const setRate = async (rate: number): Promise<void> => {
    const taken = await doors.putClock({ rate })
    if (taken !== undefined) clock.set(taken)
  }
  let told = false
  await setRate(WARM_UP_RATE)
  while (clock.now() < beginning) {
    await delay(Math.min(1_000, Math.max(1, (beginning - clock.now()) / clock.rate())))
    const rate = bearableRate(clock.rate(), options.speed, doors.report.calls.took_ms)
    if (rate === clock.rate() || clock.now() >= beginning) continue
    if (!told && rate < WARM_UP_RATE / 2) {
      options.say('the machine is busy: what goes before the first look takes longer')
      told = true
    }
    await setRate(rate)
  }
  await setRate(options.speed)
}

/** Half as fast while answers take long, and up again when they do not. */
export function bearableRate(rate: number, speed: number, took_ms: number): number {
  if (took_ms > SLOW_ANSWER_MS) return Math.max(Math.min(speed, rate), rate / 2)
  return took_ms < SLOW_ANSWER_MS / 2 ? Math.min(WARM_UP_RATE, rate * 2) : rate
}
