/** The ClickHouse engine in this process: runs jobs on query threads, side by side, and can stop each of them. */
import { Session } from 'chdb'
import { makeDefaultOrdinary } from './default-database.ts'
import { ENGINE_ARGUMENTS } from './engine-arguments.ts'
import { type GateOptions, makeGate, throwIfCancelled } from './gate.ts'
import { identifier, literal } from './literal.ts'
import { PREAMBLE_BYTES_MAX, type RunMessage } from './protocol.ts'
import { makeSessions } from './sessions.ts'
import { makeThreadPool, type Parts, type QueryThread } from './threads.ts'

export interface Job {
  sql: string
  /** Output format when the statement names none. */
  format: string
  mode: 'stream' | 'whole'
  database?: string
  session_id?: string
  settings: ReadonlyMap<string, string>
  /** Values as ClickHouse's HTTP interface takes them: escaped text, not SQL. */
  params: ReadonlyMap<string, string>
  /** Unique; finds the query in `system.processes`, so it can be killed. */
  tag: string
  signal: AbortSignal
}

export interface Engine {
  version: string
  timezone: string
  table_functions: readonly string[]
  /** `use` takes the result as it is computed, and holds the query's place until it returns. */
  run<T>(job: Job, use: (parts: Parts) => Promise<T>): Promise<T>
  /** Waits for what still runs. */
  close(): Promise<void>
}

/** An aborted query is killed again until it ends: the engine knows it only from the moment it is planned. */
const KILL_AGAIN_MS = 100
/** ClickHouse's default. */
const QUERY_BYTES_MAX = '262144'

export async function openEngine(options: GateOptions & { path: string }): Promise<Engine> {
  const control = new Session(options.path, { connectionArgs: ENGINE_ARGUMENTS })
  const ask = async (sql: string) => (await control.queryAsync(sql, { format: 'TSVRaw' })).text().trimEnd()
  await makeDefaultOrdinary(options.path, ask)
  const [version, timezone] = [await ask('SELECT version()'), await ask('SELECT timezone()')]
  const table_functions = (await ask('SELECT name FROM system.table_functions')).split('\n')
  const gate = makeGate(options)
  const pool = makeThreadPool()
  const sessions = makeSessions(pool)
  const kill = (tag: string) =>
    control.queryAsync(`KILL QUERY WHERE endsWith(Settings['log_comment'], ${literal(tag)}) ASYNC`)

  async function runOnThread<T>(job: Job, thread: QueryThread, use: (parts: Parts) => Promise<T>): Promise<T> {
    throwIfCancelled(job.signal)
    const parts = thread.run(messageOf(job, options.path))
    const stopKilling = killWhenAborted(job, kill)
    try {
      return await use(parts)
    } finally {
      await parts.return({ rows: 0, bytes: 0, elapsed_s: 0 }).catch(() => undefined)
      stopKilling()
    }
  }

  async function onFreeThread<T>(work: (thread: QueryThread) => Promise<T>): Promise<T> {
    const thread = pool.take()
    try {
      return await work(thread)
    } finally {
      pool.giveBack(thread)
    }
  }

  return {
    version,
    timezone,
    table_functions,
    run(job, use) {
      const work = (thread: QueryThread) => runOnThread(job, thread, use)
      const id = job.session_id
      return gate.run(() => (id === undefined ? onFreeThread(work) : sessions.use(id, work)), job.signal)
    },
    async close() {
      await gate.drained()
      control.close()
    },
  }
}

function killWhenAborted(job: Job, kill: (tag: string) => Promise<unknown>): () => void {
  let timer: NodeJS.Timeout | undefined
  const again = () => {
    kill(job.tag).catch(() => undefined)
    timer = setTimeout(again, KILL_AGAIN_MS)
  }
  job.signal.addEventListener('abort', again, { once: true })
  return () => {
    job.signal.removeEventListener('abort', again)
    clearTimeout(timer)
  }
}

function messageOf(job: Job, path: string): RunMessage {
  const { sql, format, mode } = job
  const settings = [...job.settings.keys(), 'log_comment'].map(name => `${name} = DEFAULT`)
  settings.push(`max_query_size = ${PREAMBLE_BYTES_MAX}`)
  const keep = job.session_id === undefined ? {} : { keep: { afterwards: `SET ${settings.join(', ')}` } }
  return { kind: 'run', path, preamble: preamble(job), sql, format, mode, ...keep }
}

/** Database, settings and parameters, as statements of the connection. Names were checked by request.ts; every value is a literal. */
function preamble(job: Job): string {
  const comment = job.settings.get('log_comment')
  const sets = [`log_comment = ${literal(comment === undefined ? job.tag : `${comment} ${job.tag}`)}`]
  if (!job.settings.has('max_query_size')) sets.push(`max_query_size = ${QUERY_BYTES_MAX}`)
  for (const [name, value] of job.settings) if (name !== 'log_comment') sets.push(`${name} = ${literal(value)}`)
  for (const [name, value] of job.params) sets.push(`param_${name} = ${literal(value)}`)
  const use = job.database === undefined ? '' : `USE ${identifier(job.database)}; `
  return `${use}SET ${sets.join(', ')}`
}
