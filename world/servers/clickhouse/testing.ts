/** For tests that break it: an embedded server of their own, on a free port, with its data in a temporary folder. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type ClickHouseClient, ClickHouseError, ClickHouseLogLevel, createClient } from '@clickhouse/client'
import { type ClickHouseOptions, type ClickHouseServer, startClickhouse } from './start.ts'

export type ClientSettings = NonNullable<Parameters<typeof createClient>[0]>
type QueryParams = Partial<Parameters<ClickHouseClient['query']>[0]>

export interface TestServer {
  data_dir: string
  log_lines: string[]
  url(): string
  pid(): number
  client: ClickHouseClient
  clientWith(settings: ClientSettings): ClickHouseClient
  rows<T>(query: string, more?: QueryParams): Promise<T[]>
  /** The column `x` of the first row. */
  one<T>(query: string, more?: QueryParams): Promise<T>
  count(table: string): Promise<number>
  post(sql: string, url_parameters?: Record<string, string>, init?: RequestInit): Promise<Response>
  /** Starts again on the same data, port and settings. The one before must have ended. */
  startAgain(): Promise<void>
  stopAndStartAgain(): Promise<void>
  stop(): Promise<void>
  /** kill -9; resolves when it is gone */
  kill(): Promise<void>
  end(): Promise<void>
}

export async function startTestServer(options: Partial<ClickHouseOptions> = {}): Promise<TestServer> {
  const data_dir = await mkdtemp(join(tmpdir(), 'waggle-clickhouse-'))
  const log_lines: string[] = []
  const log = (line: string) => void log_lines.push(line)
  let server: ClickHouseServer = await startClickhouse({ data_dir, log, ...options })
  const { url } = server
  const clients: ClickHouseClient[] = []
  const clientWith = (settings: ClientSettings) => {
    const made = createClient({ url, log: { level: ClickHouseLogLevel.OFF }, ...settings })
    clients.push(made)
    return made
  }
  const client = clientWith({})
  const startAgain = async () => {
    server = await startClickhouse({ data_dir, log, ...options, port: Number(new URL(url).port) })
  }
  const rows = async <T>(query: string, more: QueryParams = {}): Promise<T[]> => {
    const result = await client.query({ ...more, query, format: 'JSONEachRow' })
    return await result.json<T>()
  }
  const one = async <T>(query: string, more: QueryParams = {}): Promise<T> => {
    const [first] = await rows<{ x: T }>(query, more)
    if (first === undefined) throw new Error(`no row: ${query}`)
    return first.x
  }
  return {
    data_dir,
    log_lines,
    url: () => url,
    pid: () => server.pid,
    client,
    clientWith,
    rows,
    one,
    count: async table => await one<number>(`SELECT count() AS x FROM ${table}`),
    post: (sql, url_parameters = {}, init = {}) =>
      fetch(`${url}/?${new URLSearchParams(url_parameters)}`, { method: 'POST', body: sql, ...init }),
    startAgain,
    async stopAndStartAgain() {
      await server.stop()
      await startAgain()
    },
    stop: () => server.stop(),
    async kill() {
      process.kill(server.pid, 'SIGKILL')
      await server.stop()
    },
    async end() {
      for (const made of clients) await made.close()
      await server.stop()
      await rm(data_dir, { recursive: true, force: true })
    },
  }
}

/** What a call that must fail failed with. */
export async function failure(promise: Promise<unknown>): Promise<ClickHouseError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof ClickHouseError)) throw new Error(`no ClickHouseError but ${String(error)}`)
  return error
}

/** Waits for the thing itself, not for a time. */
export async function until(what: string, isSo: () => Promise<boolean> | boolean, ms_max = 20_000): Promise<void> {
  const started = performance.now()
  while (!(await isSo())) {
    if (performance.now() - started > ms_max) throw new Error(`still not after ${ms_max} ms: ${what}`)
    await delay(20)
  }
}
