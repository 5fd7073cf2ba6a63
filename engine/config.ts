import { availableParallelism } from 'node:os'
import { Type } from 'typebox'
import { port, readEnvironment, SERVERS, SHARED } from '../ingest/io/environment.ts'

const schema = Type.Object({
  ...SHARED,
  kafka_brokers: SERVERS.kafka_brokers,
  postgres_url: SERVERS.postgres_url,
  redis_url: SERVERS.redis_url,
  engine_port: port(4102),
  engine_workers: Type.Integer({
    default: Math.max(1, availableParallelism() - 1),
    minimum: 1,
    maximum: 64,
    description: 'worker threads; partition p is folded by worker p mod this',
  }),
  checkpoint_every_ms: Type.Integer({ default: 10_000, minimum: 100, maximum: 30_000 }),
})

/** The engine's settings from the environment. @throws Error that names each variable that is missing or wrong */
export const readConfig = () => readEnvironment(schema, process.env)
