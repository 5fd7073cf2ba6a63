import { setTimeout as delay } from 'node:timers/promises'

/** Trying again until it works, as long as the process lives. */

const RETRY_MS_MIN = 100
const RETRY_MS_MAX = 5_000

export interface Patience {
  /** Aborted when nothing is to be tried again. */
  signal: AbortSignal
  /** Told of every failed try, and with null when it works again. */
  trouble: (error: Error | null) => void
  /** between two tries; absent: waits for so many ms */
  pause?: (ms: number) => Promise<void>
}

/**
 * @returns what `work` returned at last
 * @throws its last error when the signal is aborted
 */
export async function untilDone<Result>(
  patience: Patience,
  work: (attempt: number) => Promise<Result>,
): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      patience.signal.throwIfAborted()
      const result = await work(attempt)
      patience.trouble(null)
      return result
    } catch (error) {
      if (patience.signal.aborted) throw error
      patience.trouble(error instanceof Error ? error : new Error(String(error)))
      const pause_ms = Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** Math.min(attempt - 1, 10))
      await (patience.pause?.(pause_ms) ?? delay(pause_ms, undefined, { signal: patience.signal }))
    }
  }
}
