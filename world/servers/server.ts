import { setTimeout as delay } from 'node:timers/promises'
import type { KeptProcess } from './keep.ts'

export type ServerName = 'kafka' | 'redis' | 'postgres' | 'clickhouse'

/** One running server: where it answers, and its end. */
export interface ServerProcess {
  url: string
  pid: number
  /** Resolves with why it ended; undefined where only looking at the pid can tell. */
  ended: Promise<string>
  signal(signal: NodeJS.Signals): void
  stop(): Promise<void>
}

/**
 * Waits until `probe` stops throwing. Throws when the process ends first or the time is up, with what the process said last.
 * `what` and `action` make the message: what was waited for, and what to do about it.
 */
export async function untilReady(
  what: string,
  kept: KeptProcess,
  probe: () => Promise<unknown>,
  timeout_ms: number,
): Promise<void> {
  const started = performance.now()
  for (;;) {
    try {
      await probe()
      return
    } catch (error) {
      const waited_ms = performance.now() - started
      if (kept.hasEnded()) throw new Error(`${what} ended while it started (${await kept.ended}):\n${kept.logTail()}`)
      if (waited_ms > timeout_ms) {
        await kept.stop()
        const seconds = Math.round(waited_ms / 1000)
        throw new Error(`${what} did not answer within ${seconds} s (${messageOf(error)}):\n${kept.logTail()}`)
      }
    }
    await delay(50)
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error)
}
