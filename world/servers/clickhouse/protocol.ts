/**
 * Between the server's main thread and a query thread. Analysing a query runs on the calling thread and may take as long as its
 * scalar subqueries do (measured: `WITH (SELECT sleep(1)) AS x SELECT x` held it for a second), so no query is started on the main thread.
 *
 *   main → thread   run ──────────────▶ more ▶ more ▶ …
 *   thread → main        part ◀ part ◀ … ◀ end | failed        one part on the way; the next only after `more`
 *
 * `stop` instead of `more` ends a stream early; the thread then answers `end`.
 */
/** Parameters are part of the preamble and may be long. The query itself has ClickHouse's own limit. */
export const PREAMBLE_BYTES_MAX = 64 * 1024 * 1024

export interface RunMessage {
  kind: 'run'
  path: string
  /** Statements that prepare the connection. */
  preamble: string
  sql: string
  /** Output format when the statement names none. */
  format: string
  /** In parts as they are computed, or as one part when all is done. Only rows that can simply follow each other may be streamed. */
  mode: 'stream' | 'whole'
  /** For `session_id`: the connection stays, after these statements. */
  keep?: { afterwards: string }
}

export type ToThread = RunMessage | { kind: 'more' } | { kind: 'stop' } | { kind: 'forget' }

export type FromThread =
  | { kind: 'part'; bytes: Uint8Array }
  | { kind: 'end'; summary: RunSummary }
  | { kind: 'failed'; message: string }

export interface RunSummary {
  rows: number
  bytes: number
  elapsed_s: number
}
