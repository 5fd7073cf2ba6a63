import type { Log } from '../../ingest/io/log.ts'

/** Work that is done again and again beside the requests: one round after the other, never two at once. */

export interface Beat {
  /** Why the last round failed; null: it went well. */
  trouble(): string | null
  /** Waits for the round in hand. */
  close(): Promise<void>
}

export interface Beating {
  work(): Promise<void>
  /** from the beginning of one round to the next, ms of wall time; asked before each */
  every_ms(): number
  log: Log
  /** what is told when rounds begin to fail, and when they go well again */
  told: { failing: string; again: string }
}

/** A failed round is told once and tried again with the next beat. */
export function startBeat({ work, every_ms, log, told }: Beating): Beat {
  let trouble: string | null = null
  let failures = 0
  let closed = false
  let running: Promise<void> = Promise.resolve()
  let timer = setTimeout(next, every_ms())

  async function round(): Promise<void> {
    try {
      await work()
      if (failures > 0) log.warn({ failures }, told.again)
      failures = 0
      trouble = null
    } catch (error) {
      failures += 1
      trouble = error instanceof Error ? error.message : String(error)
      if (failures === 1) log.warn({ err: error }, told.failing)
    }
  }

  function next(): void {
    const began = performance.now()
    running = round().then(() => {
      if (!closed) timer = setTimeout(next, Math.max(0, every_ms() - (performance.now() - began)))
    })
  }

  return {
    trouble: () => trouble,
    async close() {
      closed = true
      clearTimeout(timer)
      await running
    },
  }
}
