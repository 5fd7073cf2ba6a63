import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { stepBack } from '../../../ingest/io/priority.ts'

export interface ClickHouseOptions {
  data_dir: string
  /** 0 or absent: a free one. */
  port?: number
  /** 127.0.0.1 by default. The server is for this machine only. */
  host?: string
  log: (line: string) => void
  /** how far it steps back for others on the machine, 0 to 19; 0 by default */
  nice?: number
  running_max?: number
  waiting_max?: number
  /** With a user only this user and password are let in; without one, anybody. */
  user?: string
  password?: string
}

export interface ClickHouseServer {
  url: string
  pid: number
  stop(): Promise<void>
}

const RUNNING_MAX = 8
const WAITING_MAX = 100
const START_MS_MAX = 60_000
const STOP_MS_MAX = 12_000

/** Starts the embedded ClickHouse and waits until it answers `/ping`. It ends with this process, however this process ends. */
export async function startClickhouse(options: ClickHouseOptions): Promise<ClickHouseServer> {
  const { log, nice = 0, ...rest } = options
  const host = options.host ?? '127.0.0.1'
  const running_max = options.running_max ?? RUNNING_MAX
  const data_dir = resolve(options.data_dir)
  await mkdir(data_dir, { recursive: true })
  const config = { port: 0, waiting_max: WAITING_MAX, ...rest, host, running_max, data_dir }
  const child = spawn(process.execPath, [fileURLToPath(new URL('main.ts', import.meta.url)), JSON.stringify(config)], {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true, // a session of its own: ctrl-C is for whoever started it to handle, in order
    // Each running query holds a thread of libuv's pool; files and compression need some besides.
    env: { ...process.env, UV_THREADPOOL_SIZE: String(running_max + 8), TZ: 'UTC' },
  })
  // Before it has threads: those of later inherit it.
  if (child.pid !== undefined && nice > 0) stepBack(nice, child.pid)
  createInterface({ input: child.stderr }).on('line', log)
  const port = await portOf(child)
  const url = `http://${host}:${port}`
  const answer = await fetch(`${url}/ping`)
  if (!answer.ok) throw new Error(`ClickHouse at ${url} answers /ping with ${answer.status}`)
  return { url, pid: child.pid ?? 0, stop: () => stopChild(child) }
}

async function portOf(child: ChildProcess): Promise<number> {
  const timeout = AbortSignal.timeout(START_MS_MAX)
  const ended = once(child, 'exit', { signal: timeout }).then(([code, signal]) => {
    throw new Error(`ClickHouse ended while starting (${signal ?? `exit code ${code}`}): see its log lines`)
  })
  if (child.stdout === null) throw new Error('ClickHouse was started without a stdout pipe')
  const lines = createInterface({ input: child.stdout })
  const line = await Promise.race([once(lines, 'line', { signal: timeout }), ended])
  ended.catch(() => undefined)
  return (JSON.parse(String(line[0])) as { port: number }).port
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX)
  await exit
  clearTimeout(timer)
}
