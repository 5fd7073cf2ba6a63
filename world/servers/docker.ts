import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Ports, PROJECT_DIR, type ServerUrls } from './config.ts'
import type { Keeper } from './keep.ts'
import { untilReady } from './server.ts'

const run = promisify(execFile)
const SERVERS = ['kafka', 'redis', 'postgres', 'clickhouse'] as const
/** Images may have to be pulled first. */
const READY_TIMEOUT_MS = 900_000

export interface DockerOptions {
  keeper: Keeper
  data_dir: string
  ports: Ports
  fresh: boolean
  /** The volumes go when it ends. */
  disposable: boolean
  log: (line: string) => void
}

/** Whether a Docker engine answers and has compose. */
export async function dockerAnswers(): Promise<boolean> {
  try {
    await run('docker', ['info', '--format', '{{.ServerVersion}}'], { timeout: 10_000 })
    await run('docker', ['compose', 'version'], { timeout: 10_000 })
    return true
  } catch {
    return false
  }
}

/**
 * The four servers of docker-compose.yml in containers, as a compose project of its own for each data folder. `docker compose up` stays in
 * the foreground under the keeper: a signal to it stops the containers, so they too end with this process.
 */
export async function startDocker(options: DockerOptions): Promise<AsyncDisposable & { urls: ServerUrls }> {
  const { ports, data_dir, log } = options
  if (!(await dockerAnswers())) {
    throw new Error(
      'no Docker engine with `docker compose` answers: start or install Docker, or leave WAGGLE_SERVERS out',
    )
  }
  const env = { ...process.env, ...portVariables(ports) }
  const project = `waggle-${createHash('sha256').update(data_dir).digest('hex').slice(0, 10)}`
  const compose = ['compose', '-p', project, '-f', join(PROJECT_DIR, 'docker-compose.yml')]
  const docker = (...args: string[]): Promise<{ stdout: string }> =>
    run('docker', [...compose, ...args], { env, cwd: PROJECT_DIR, timeout: 120_000 })
  if (options.fresh) await docker('down', '--volumes')
  await mkdir(data_dir, { recursive: true })
  log('docker: starting kafka, redis, postgres and clickhouse; images are pulled where they are missing')
  const kept = await options.keeper.spawn({
    command: 'docker',
    args: [...compose, 'up', ...SERVERS],
    cwd: PROJECT_DIR,
    env,
    log_file: join(data_dir, 'docker.out'),
    pid_file: join(data_dir, 'docker.pid'),
    stop_steps: [{ signal: 'SIGINT', wait_ms: 40_000 }],
  })
  await untilReady(
    'docker compose',
    kept,
    async () => allHealthy((await docker('ps', '--format', 'json')).stdout),
    READY_TIMEOUT_MS,
  )
  const urls = {
    kafka_brokers: `127.0.0.1:${ports.kafka}`,
    redis_url: `redis://127.0.0.1:${ports.redis}`,
    postgres_url: `postgres://waggle@127.0.0.1:${ports.postgres}/waggle`,
    clickhouse_url: `http://127.0.0.1:${ports.clickhouse}`,
  }
  const stop = async (): Promise<void> => {
    log('docker: stopping the containers')
    await kept.stop()
    if (options.disposable) await docker('down', '--volumes')
  }
  return { urls, [Symbol.asyncDispose]: stop }
}

/** As docker-compose.yml reads them. */
function portVariables(ports: Ports): Record<string, string> {
  return {
    WAGGLE_KAFKA_PORT: String(ports.kafka),
    WAGGLE_REDIS_PORT: String(ports.redis),
    WAGGLE_POSTGRES_PORT: String(ports.postgres),
    WAGGLE_CLICKHOUSE_PORT: String(ports.clickhouse),
  }
}

/** `docker compose ps --format json` prints one object a line, older versions one array. Throws while one is not healthy. */
function allHealthy(printed: string): void {
  const rows: { Service: string; Health: string }[] = printed
    .split('\n')
    .filter(line => line.trim() !== '')
    .flatMap(line => JSON.parse(line))
  const waiting = SERVERS.filter(name => rows.find(row => row.Service === name)?.Health !== 'healthy')
  if (waiting.length > 0) throw new Error(`not healthy yet: ${waiting.join(', ')}`)
}
