/** How many queries run at once, and how many may wait: first come, first served. */
import { ClickHouseException } from './errors.ts'

export interface GateOptions {
  /** Queries that run at once. */
  running_max: number
  /** Queries that may wait for a free place; above it: TOO_MANY_SIMULTANEOUS_QUERIES. */
  waiting_max: number
}

export interface Gate {
  run<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T>
  /** Resolves when nothing runs or waits any more. */
  drained(): Promise<void>
}

export function makeGate(options: GateOptions): Gate {
  let running = 0
  const waiting = new Set<() => void>()
  const at_work = new Set<Promise<unknown>>()

  async function enter(signal: AbortSignal): Promise<void> {
    throwIfCancelled(signal)
    if (running < options.running_max) {
      running += 1
      return
    }
    if (waiting.size >= options.waiting_max) throw tooMany(options)
    const turn = Promise.withResolvers<void>()
    const giveUp = () => {
      if (waiting.delete(turn.resolve)) turn.reject(cancelled())
    }
    waiting.add(turn.resolve)
    signal.addEventListener('abort', giveUp, { once: true })
    await turn.promise.finally(() => signal.removeEventListener('abort', giveUp))
  }

  /** The place goes to the first in line, or becomes free. */
  function leave(): void {
    const [next] = waiting
    if (next === undefined) running -= 1
    else {
      waiting.delete(next)
      next()
    }
  }

  async function pass<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    await enter(signal)
    try {
      return await work()
    } finally {
      leave()
    }
  }

  return {
    run(work, signal) {
      const result = pass(work, signal)
      const settled: Promise<unknown> = result.catch(() => undefined).finally(() => at_work.delete(settled))
      at_work.add(settled)
      return result
    },
    async drained() {
      while (at_work.size > 0) await Promise.all(at_work)
    },
  }
}

export function throwIfCancelled(signal: AbortSignal): void {
  if (signal.aborted) throw cancelled()
}

function cancelled(): ClickHouseException {
  return new ClickHouseException(394, 'QUERY_WAS_CANCELLED', 'Query was cancelled')
}

function tooMany({ running_max, waiting_max }: GateOptions): ClickHouseException {
  return new ClickHouseException(
    202,
    'TOO_MANY_SIMULTANEOUS_QUERIES',
    `Too many simultaneous queries. Maximum: ${running_max} running and ${waiting_max} waiting. Try again later`,
  )
}
