import { type ChildProcess, spawn } from 'node:child_process'
import { testServers } from '../world/servers/testing.ts'

/** Where an engine under test lives: a namespace and a database of its own on the test's servers. */
export interface EngineGround {
  namespace: string
  postgres_url: string
  partitions: number
  checkpoint_every_ms: number
}

/** Environment of the engine, and of what is run beside it. */
export function engineEnvironment(ground: EngineGround, more: Record<string, string> = {}): NodeJS.ProcessEnv {
  const servers = testServers()
  return {
    ...process.env,
    WAGGLE_KAFKA_BROKERS: servers.kafka_brokers,
    WAGGLE_REDIS_URL: servers.redis_url,
    WAGGLE_POSTGRES_URL: ground.postgres_url,
    WAGGLE_NAMESPACE: ground.namespace,
    WAGGLE_PARTITIONS: String(ground.partitions),
    WAGGLE_ENGINE_PORT: '0',
    WAGGLE_CHECKPOINT_EVERY_MS: String(ground.checkpoint_every_ms),
    ...more,
  }
}

/** The real engine as a process of its own; what it says on stderr is shown. */
export function startEngine(ground: EngineGround, more?: Record<string, string>): ChildProcess {
  return spawn(process.execPath, ['--disable-warning=TimeoutNegativeWarning', 'engine/main.ts'], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: engineEnvironment(ground, more),
  })
}
