/**
 * Runs `work` once for any number of wishes that come while it runs, and once more after it when there was one: a reader
 * that is told of changes more often than it can read is never behind and never piles up.
 */
export interface Again {
  /** Asks for a run; resolves when a run that began after this call has ended, rejects when that run failed. */
  run(): Promise<void>
  /** Waits for what runs. Later wishes are ignored. */
  close(): Promise<void>
}

export function again(work: () => Promise<void>): Again {
  let running: Promise<void> | undefined
  let next: Promise<void> | undefined
  let closed = false

  function start(): Promise<void> {
    const current = work().finally(() => {
      if (running === current) running = undefined
    })
    running = current
    return current
  }

  function startNext(): Promise<void> {
    next = undefined
    return closed ? Promise.resolve() : start()
  }

  return {
    run() {
      if (closed) return Promise.resolve()
      if (next) return next
      if (!running) return start()
      next = running.then(startNext, startNext)
      return next
    },
    async close() {
      closed = true
      await Promise.allSettled([running, next])
    },
  }
}
