import { businessTime } from '../../ingest/contract.ts'
import type { Clock } from '../../ingest/events/network.ts'

/** The wall clock and one timer, so that tests can turn time by hand. */
export interface Wall {
  now(): number
  /** Calls back once; returns how to take that back. */
  timer(delay_ms: number, due: () => void): () => void
}

/**
 * The city's one event loop, on the business clock. Everybody in the city sleeps here; whoever is due first wakes first,
 * ties in the order of asking. After `stop` nobody wakes any more.
 */
export interface CityClock {
  /** business time, ms */
  now(): number
  rate(): number
  /** business seconds */
  sleep(seconds: number): Promise<void>
  /** business time, ms */
  until(time_ms: number): Promise<void>
  /** as Waggle acknowledged it */
  set(clock: Clock): void
  stop(): void
}

interface Sleeper {
  at: number
  seq: number
  wake(): void
}

const TIMER_MS_MAX = 3_600_000

export const REAL_WALL: Wall = {
  now: () => Date.now(),
  timer(delay_ms, due) {
    const timer = setTimeout(due, delay_ms)
    return () => clearTimeout(timer)
  },
}

export function openClock(first: Clock, wall: Wall = REAL_WALL): CityClock {
  let clock = first
  let seq = 0
  let stopped = false
  let cancelTimer = (): void => {}
  const sleepers: Sleeper[] = []
  const now = (): number => businessTime(clock, wall.now())

  const arm = (): void => {
    cancelTimer()
    const next = sleepers[0]
    if (next === undefined || stopped) return
    const delay_ms = Math.ceil((next.at - now()) / clock.rate)
    cancelTimer = wall.timer(Math.min(TIMER_MS_MAX, Math.max(0, delay_ms)), wakeDue)
  }
  const wakeDue = (): void => {
    for (let next = sleepers[0]; next !== undefined && next.at <= now(); next = sleepers[0]) {
      pop(sleepers)
      next.wake()
    }
    arm()
  }
  const until = (time_ms: number): Promise<void> =>
    new Promise(resolve => {
      if (stopped) return
      const sleeper = { at: time_ms, seq: seq++, wake: resolve }
      push(sleepers, sleeper)
      if (sleepers[0] === sleeper) arm()
    })

  return {
    now,
    rate: () => clock.rate,
    until,
    sleep: seconds => until(now() + Math.max(0, seconds) * 1_000),
    set(next) {
      clock = next
      arm()
    },
    stop() {
      stopped = true
      sleepers.length = 0
      cancelTimer()
    },
  }
}

// ── A binary heap, the earliest sleeper first ───────────────────────────────────────────────────────────────────────

const before = (a: Sleeper, b: Sleeper): boolean => (a.at === b.at ? a.seq < b.seq : a.at < b.at)

function push(heap: Sleeper[], sleeper: Sleeper): void {
  let at = heap.length
  while (at > 0) {
    const parent_at = (at - 1) >> 1
    const parent = heap[parent_at] as Sleeper
    if (!before(sleeper, parent)) break
    heap[at] = parent
    at = parent_at
  }
  heap[at] = sleeper
}

function pop(heap: Sleeper[]): void {
  const last = heap.pop()
  if (last === undefined || heap.length === 0) return
  let at = 0
  for (;;) {
    const left = 2 * at + 1
    if (left >= heap.length) break
    const right = left + 1
    const child = right < heap.length && before(heap[right] as Sleeper, heap[left] as Sleeper) ? right : left
    if (!before(heap[child] as Sleeper, last)) break
    heap[at] = heap[child] as Sleeper
    at = child
  }
  heap[at] = last
}
