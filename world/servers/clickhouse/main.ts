/**
 * The embedded ClickHouse as a process: `node main.ts '{"data_dir": "…", "port": 8123, "host": "127.0.0.1"}'`.
 * Ends when its stdin closes, so it never outlives the process that started it, and on SIGTERM.
 */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { openEngine } from './engine.ts'
import { makeGuard } from './guard.ts'
import { makeHttpInterface } from './http.ts'

interface Options {
  data_dir: string
  port: number
  host: string
  running_max: number
  waiting_max: number
  user?: string
  password?: string
}

const SHUTDOWN_MS_MAX = 10_000
const WRITES_MS_MAX = 5_000

const options = JSON.parse(process.argv[2] ?? '{}') as Options
const nowhere = join(options.data_dir, 'nowhere')
mkdirSync(nowhere, { recursive: true })
// A path in SQL that slipped through is relative to the working directory: give it an empty one.
process.chdir(nowhere)

const engine = await openEngine({ ...options, path: join(options.data_dir, 'engine') })
// The engine is open, so its folder is ours alone: what is in the inbox is of a server that was killed.
const inbox = join(options.data_dir, 'inbox')
rmSync(inbox, { recursive: true, force: true })
mkdirSync(inbox)
const { server, abort } = makeHttpInterface({ ...options, engine, guard: makeGuard(engine.table_functions), inbox })

let stopping = false
async function stop(): Promise<void> {
  if (stopping) return
  stopping = true
  setTimeout(() => process.exit(1), SHUTDOWN_MS_MAX).unref()
  server.close()
  server.closeIdleConnections()
  abort('reads')
  setTimeout(abort, WRITES_MS_MAX, 'all').unref()
  await engine.close()
  server.closeAllConnections()
  process.exit(0)
}
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => void stop())
process.stdin.on('close', () => void stop()).resume()

server.listen(options.port, options.host, () => {
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : options.port
  process.stdout.write(`${JSON.stringify({ port })}\n`)
})
