import { homedir } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Where the four servers answer. The rest of Waggle knows nothing else of them. */
export interface ServerUrls {
  /** `host:port`, several separated by commas. */
  kafka_brokers: string
  redis_url: string
  postgres_url: string
  clickhouse_url: string
}

export type ServersMode = 'native' | 'docker' | 'external'

export interface Ports {
  kafka: number
  redis: number
  postgres: number
  clickhouse: number
}

export interface ServersConfig {
  /** Undefined: native where it can, else docker, else an error that says what is missing. */
  mode: ServersMode | undefined
  data_dir: string
  /** Kafka's jars. */
  cache_dir: string
  kafka_heap_mb: number
  /** Only those set by hand: they are kept to, or it is an error. */
  ports: Partial<Ports>
  external: Partial<ServerUrls>
}

export const PROJECT_DIR = fileURLToPath(new URL('../..', import.meta.url))

/** What `npm run servers` takes when nobody else has it. */
export const USUAL_PORTS: Ports = { kafka: 19092, redis: 16379, postgres: 15432, clickhouse: 18123 }

export const URL_VARIABLES: Record<keyof ServerUrls, string> = {
  kafka_brokers: 'WAGGLE_KAFKA_BROKERS',
  redis_url: 'WAGGLE_REDIS_URL',
  postgres_url: 'WAGGLE_POSTGRES_URL',
  clickhouse_url: 'WAGGLE_CLICKHOUSE_URL',
}

/** The only reader of the environment for the servers. Throws an error that names the variable. */
export function readConfig(env: NodeJS.ProcessEnv): ServersConfig {
  return {
    mode: readMode(env),
    data_dir: fromProject(env.WAGGLE_DATA_DIR || '.waggle'),
    cache_dir: fromProject(env.WAGGLE_CACHE_DIR || join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'waggle')),
    kafka_heap_mb: readNumber(env, 'WAGGLE_KAFKA_HEAP_MB', 128, 65_536) ?? 512,
    ports: defined({
      kafka: readNumber(env, 'WAGGLE_KAFKA_PORT', 1, 65_535),
      redis: readNumber(env, 'WAGGLE_REDIS_PORT', 1, 65_535),
      postgres: readNumber(env, 'WAGGLE_POSTGRES_PORT', 1, 65_535),
      clickhouse: readNumber(env, 'WAGGLE_CLICKHOUSE_PORT', 1, 65_535),
    }),
    external: defined({
      kafka_brokers: env[URL_VARIABLES.kafka_brokers] || undefined,
      redis_url: env[URL_VARIABLES.redis_url] || undefined,
      postgres_url: env[URL_VARIABLES.postgres_url] || undefined,
      clickhouse_url: env[URL_VARIABLES.clickhouse_url] || undefined,
    }),
  }
}

function readMode(env: NodeJS.ProcessEnv): ServersMode | undefined {
  const mode = env.WAGGLE_SERVERS || undefined
  if (mode === undefined || mode === 'native' || mode === 'docker' || mode === 'external') return mode
  throw new Error(`WAGGLE_SERVERS is "${mode}": set it to native, docker or external, or leave it out`)
}

function readNumber(env: NodeJS.ProcessEnv, name: string, low: number, high: number): number | undefined {
  const text = env[name]
  if (text === undefined || text === '') return undefined
  const value = Number(text)
  if (Number.isInteger(value) && value >= low && value <= high) return value
  throw new Error(`${name} is "${text}": set it to a whole number from ${low} to ${high}`)
}

function fromProject(dir: string): string {
  return isAbsolute(dir) ? dir : resolve(PROJECT_DIR, dir)
}

/** Drops what is undefined. */
function defined<T extends object>(values: { [K in keyof T]: T[K] | undefined }): Partial<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<T>
}
