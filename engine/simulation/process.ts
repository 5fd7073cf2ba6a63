import type { Draw } from '../simulated_log.ts'
import type { FaultPlan } from './faults.ts'
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
   * Asks somebody else for something. `serve` is done there, at once or later, once or not at all; it may throw, which the
   * caller hears.
   */
  call<Answer>(effect: string, serve: () => Answer): Promise<Answer>
  /** A timer of the process. Resolves after `ms`, or much later. */
  wait(ms: number): Promise<void>
  /** Runs in the process after `ms`, unless it is dead by then. */
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
  /** how long a stall lasts: longer than the group waits for a member, mostly */
  stall_ms: () => number
}

/** What a client makes of an answer that did not come. */
class Unreachable extends Error {
  override name = 'Unreachable'
}

export function newProcess({ name, draw, scheduler, faults, latency_ms_max, stall_ms }: ProcessOptions): Process {
  let alive = true
  let frozen = false
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
    alive = false
    deferred.length = 0
  }

  function freeze(ms: number): void {
    if (frozen) return
    frozen = true
    scheduler.after(ms, () => {
      frozen = false
      for (const work of deferred.splice(0)) later(latency(), work)
    })
  }

  function call<Answer>(effect: string, serve: () => Answer): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (!alive) return
      const phase = faults.befalls(effect)
      if (phase) faults.note(`${effect}.${phase}`)
      const reply = () => {
        const answer = attempt(serve)
        later(latency(), () => ('value' in answer ? resolve(answer.value) : reject(answer.error)))
      }
      const fail = () => later(latency(), () => reject(new Unreachable(`${effect}: ${phase}`)))
      switch (phase) {
        case null:
          scheduler.after(latency(), reply)
          return
        case 'refused':
          fail()
          return
        case 'reply_lost':
          scheduler.after(latency(), () => {
            attempt(serve)
            fail()
          })
          return
        case 'late':
          fail()
          scheduler.after(latency_ms_max + draw.below(20 * latency_ms_max), () => void attempt(serve))
          return
        case 'crash_before':
          kill()
          return
        case 'crash_after':
          scheduler.after(latency(), () => void attempt(serve))
          kill()
          return
        case 'stall_before':
          freeze(stall_ms())
          inside(() => scheduler.after(latency(), reply))
          return
        case 'stall_after':
          scheduler.after(latency(), reply)
          freeze(stall_ms())
      }
    })
  }

  return {
    name,
    alive: () => alive,
    frozen: () => frozen,
    call,
    wait: ms => new Promise(resolve => later(ms, resolve)),
    later,
    kill,
    freeze,
  }
}

function attempt<Answer>(serve: () => Answer): { value: Answer } | { error: unknown } {
  try {
    return { value: serve() }
  } catch (error) {
    return { error }
  }
}
