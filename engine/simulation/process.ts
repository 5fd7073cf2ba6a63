import type { Draw } from '../simulated_log.ts'
import { type FaultPlan, IN_THE_PROCESS, ON_THE_WAY } from './faults.ts'
import type { Scheduler } from './scheduler.ts'

/**
 * An engine process as the machine sees it: it computes at once, and whatever it waits for may fail, be late, kill it or
 * freeze it (SIGSTOP). What a dead process waits for never comes; what a frozen one waits for comes when it is woken.
 */
export interface Process {
  readonly name: string
  alive(): boolean
  frozen(): boolean
  /**
   * Asks a server for something. `serve` is done there, at once or later, once or not at all; it may throw, which the caller
   * hears.
   */
  call<Answer>(effect: string, serve: () => Answer): Promise<Answer>
  /** Asks a thread of the process: in the order of the calls, and nothing gets lost between the two. */
  compute<Answer>(effect: string, serve: () => Answer): Promise<Answer>
  /** Runs in the process after `ms`: when it is frozen by then, after that; when it is dead, never. */
  later(ms: number, work: () => void): void
  kill(): void
  /** Stands still for `ms`. */
  freeze(ms: number): void
}

export interface ProcessOptions {
  name: string
  draw: Draw
  scheduler: Scheduler
  faults: FaultPlan
  latency_ms_max: number
  /** whether the server of this effect can't be reached now */
  away: (effect: string) => boolean
  /** how long a stall lasts: longer than the group waits for a member, mostly */
  stall_ms: () => number
  killed: () => void
  froze: () => void
  woke: () => void
}

/** What a client makes of an answer that did not come. */
class Unreachable extends Error {
  override name = 'Unreachable'
}

export function newProcess(options: ProcessOptions): Process {
  const { name, draw, scheduler, faults, latency_ms_max } = options
  let alive = true
  let frozen = false
  let computed_at = 0
  const deferred: (() => void)[] = []
  const latency = () => draw.below(latency_ms_max)

  /** Work of the process itself: not done when dead, put off when frozen. */
  function inside(work: () => void): void {
    if (!alive) return
    if (frozen) deferred.push(work)
    else work()
  }
  const later = (ms: number, work: () => void): void => scheduler.after(ms, () => inside(work))

  function kill(): void {
    if (!alive) return
    alive = false
    deferred.length = 0
    options.killed()
  }

  function freeze(ms: number): void {
    if (frozen || !alive) return
    frozen = true
    options.froze()
    scheduler.after(ms, () => {
      frozen = false
      if (!alive) return
      // In the order in which they came; whatever the servers answered lies there already.
      for (const work of deferred.splice(0)) later(0, work)
      options.woke()
    })
  }

  function call<Answer>(effect: string, serve: () => Answer): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (!alive) return
      const phase = options.away(effect) ? 'refused' : faults.befalls(effect, ON_THE_WAY)
      const fail = () => later(latency(), () => reject(new Unreachable(`${effect}: ${phase}`)))
      const serveQuietly = () => void attempt(serve)
      const reply = () => {
        const answer = attempt(serve)
        later(latency(), () => ('value' in answer ? resolve(answer.value) : reject(answer.error)))
      }
      switch (phase) {
        case null:
          scheduler.after(latency(), reply)
          return
        case 'refused':
          fail()
          return
        case 'reply_lost':
          scheduler.after(latency(), () => {
            serveQuietly()
            fail()
          })
          return
        case 'late':
          fail()
          scheduler.after(latency_ms_max + draw.below(20 * latency_ms_max), serveQuietly)
          return
        case 'crash_before':
          kill()
          return
        case 'crash_after':
          scheduler.after(latency(), serveQuietly)
          kill()
          return
        case 'stall_before':
          freeze(options.stall_ms())
          inside(() => scheduler.after(latency(), reply))
          return
        case 'stall_after':
          scheduler.after(latency(), reply)
          freeze(options.stall_ms())
      }
    })
  }

  function compute<Answer>(effect: string, serve: () => Answer): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (!alive) return
      const phase = faults.befalls(effect, IN_THE_PROCESS)
      if (phase === 'crash_before') {
        kill()
        return
      }
      if (phase === 'stall_before') freeze(options.stall_ms())
      computed_at = Math.max(computed_at, scheduler.now() + draw.below(4))
      later(computed_at - scheduler.now(), () => {
        const answer = attempt(serve)
        if (phase === 'crash_after') kill()
        if (phase === 'stall_after') freeze(options.stall_ms())
        inside(() => ('value' in answer ? resolve(answer.value) : reject(answer.error)))
      })
    })
  }

  return { name, alive: () => alive, frozen: () => frozen, call, compute, later, kill, freeze }
}

function attempt<Answer>(serve: () => Answer): { value: Answer } | { error: unknown } {
  try {
    return { value: serve() }
  } catch (error) {
    return { error }
  }
}
