import { setTimeout as delay } from 'node:timers/promises'
import { fridayEvening, PLACES, RADIUS_M, TIME_ZONE, WARM_UP_MIN, ZONE_ID, ZONE_NAME, zoneCells } from './chicago.ts'
import { type CityClock, openClock } from './clock.ts'
import { type DoorReport, type Doors, openDoors, untilStopped } from './doors.ts'
import { openPeople, type PeopleReport } from './people.ts'
import { PACK_S, PICK_S_PER_LINE, PICKERS } from './warehouses.ts'

/**
 * The outside world in motion: customers, warehouses and couriers of one evening in Chicago. It acts on Waggle through its
 * public doors only, and learns what Waggle decided as a partner's or a courier's app would.
 */
export interface CityOptions {
  ingest_url: string
  dispatch_url: string
  /** a key with the scopes events:write, network:write, orders and courier */
  key: string
  seed: number
  /** business s a wall second */
  speed: number
  orders_per_min: number
  couriers: number
  /** business min of the evening that go by before `begin` resolves; default: half an hour */
  warm_up_min?: number
  /** goes before the number in every external_id */
  run: string
  say: (line: string) => void
}

export interface City {
  /** The network, the first counts and shifts, then half an hour of the evening at a high rate. Resolves at the chosen speed. */
  begin(): Promise<void>
  /** Everybody stops; resolves when no answer is missing, or after ten seconds. */
  stop(): Promise<void>
  /** rejects when the city itself has failed */
  failed: Promise<never>
  report(): CityReport
}

export interface CityReport extends PeopleReport {
  doors: DoorReport
  /** business time, ms */
  time_ms: number
}

/** So fast goes the warm-up where the machine keeps up; it is slowed while answers take long. */
const WARM_UP_RATE = 60
const SLOW_ANSWER_MS = 250
const LAST_ANSWERS_MS_MAX = 10_000

export function openCity(options: CityOptions): City {
  const stop = new AbortController()
  const { promise: failed, reject } = Promise.withResolvers<never>()
  failed.catch(() => {}) // whoever waits for it hears of it; nobody has to
  const clock = openClock({ wall_ms: 0, time_ms: 0, rate: 1 })
  const spawn = (work: Promise<void>): void => void untilStopped(work).catch(reject)
  const doors = openDoors({ ...options, stop: stop.signal })
  const people = openPeople(options, { clock, doors, spawn, onFailure: reject, stop: stop.signal })

  return {
    failed,
    async begin() {
      const evening = await setTheHour(doors, clock, (options.warm_up_min ?? WARM_UP_MIN) * 60_000)
      await setUpNetwork(doors)
      await people.arrive()
      people.start(evening)
      await warmUp(options, clock, doors, evening)
    },
    async stop() {
      clock.stop()
      people.pause()
      const until = performance.now() + LAST_ANSWERS_MS_MAX
      while (doors.open() > 0 && performance.now() < until) await delay(20)
      stop.abort()
    },
    report: () => ({ ...people.report(), doors: doors.report, time_ms: clock.now() }),
  }
}

/** @returns the business time at which the evening begins: `ahead_ms` from now */
async function setTheHour(doors: Doors, clock: CityClock, ahead_ms: number): Promise<number> {
  const time_ms = fridayEvening(Date.now()) - ahead_ms
  // Where a clock runs already, as on servers that are used again, time can only go on: it will not be Friday then.
  const taken = (await doors.putClock({ time_ms, rate: 1 })) ?? (await doors.putClock({ rate: 1 }))
  if (taken === undefined) throw new Error('PUT /v1/clock refuses a rate alone')
  clock.set(taken)
  return taken.time_ms + ahead_ms
}

async function setUpNetwork(doors: Doors): Promise<void> {
  await doors.putZone({ name: ZONE_NAME, time_zone: TIME_ZONE, cells: zoneCells() }, ZONE_ID)
  for (const { warehouse_id, name, point } of PLACES) {
    const times = { pickers: PICKERS, pick_s_per_line: PICK_S_PER_LINE, pack_s: PACK_S }
    const place = { zone_id: ZONE_ID, name, point, time_zone: TIME_ZONE, radius_m: RADIUS_M }
    await doors.putWarehouse({ ...place, ...times }, warehouse_id)
  }
}

async function warmUp(options: CityOptions, clock: CityClock, doors: Doors, evening: number): Promise<void> {
  const setRate = async (rate: number): Promise<void> => {
    const taken = await doors.putClock({ rate })
    if (taken !== undefined) clock.set(taken)
  }
  let told = false
  await setRate(WARM_UP_RATE)
  while (clock.now() < evening) {
    await delay(Math.min(1_000, Math.max(1, (evening - clock.now()) / clock.rate())))
    const rate = bearableRate(clock.rate(), options.speed, doors.report.calls.took_ms)
    if (rate === clock.rate() || clock.now() >= evening) continue
    if (!told && rate < WARM_UP_RATE / 2) {
      options.say('the machine is busy: the half hour before the first look takes longer')
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
