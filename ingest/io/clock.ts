import { businessTime, REAL_TIME } from '../contract.ts'
import type { Clock } from '../events/network.ts'
import { again } from './again.ts'
import type { Log } from './log.ts'
import type { Listener, Pool, Queryable } from './postgres.ts'

/**
 * The one business clock of all services: the row of the table `clock`, or real time when there is none. It is data and
 * not configuration, because a demo's warm-up runs at another rate than its show.
 */

export interface ClockFollower {
  /** business time, ms */
  now(): number
  clock(): Clock
  /** Reads now: for whoever has just set it. */
  refresh(): Promise<void>
  close(): Promise<void>
}

/** Reads the clock before it resolves. @throws pg's error when Postgres is away or not migrated */
export async function followClock(pool: Pool, listener: Listener, log: Log): Promise<ClockFollower> {
  let current = REAL_TIME
  const reading = again(async () => {
    current = await readClock(pool)
  })
  const failed = (error: unknown) => log.warn({ err: error }, 'the clock could not be read again; the last one stands')
  await listener.on('waggle_clock', () => void reading.run().catch(failed))
  await reading.run()
  return {
    now: () => businessTime(current, Date.now()),
    clock: () => current,
    refresh: () => reading.run(),
    close: () => reading.close(),
  }
}

export async function readClock(postgres: Queryable): Promise<Clock> {
  const { rows } = await postgres.query<Clock>('SELECT wall_ms, time_ms, rate FROM clock')
  return rows[0] ?? REAL_TIME
}
