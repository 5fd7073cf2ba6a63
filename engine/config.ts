import { availableParallelism } from 'node:os'
import { Type } from 'typebox'
import { port, readEnvironment, SERVERS, SHARED } from '../ingest/io/environment.ts'
import { FAILPOINTS } from './failpoints.ts'

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
  engine_session_ms: Type.Integer({
    default: 6_000,
    minimum: 1_000,
    maximum: 60_000,
    description:
      'ms without a sign of life after which Kafka gives our partitions to another engine; Kafka allows 6 s and more unless its group.min.session.timeout.ms says otherwise',
  }),
  engine_failpoint: Type.Optional(
    Type.String({
      pattern: `^(${FAILPOINTS.join('|')}):[1-9][0-9]{0,5}$`,
      description: 'for tests: the process kills itself at that moment, the n-th time',
    }),
  ),
})

/** The engine's settings from the environment. @throws Error that names each variable that is missing or wrong */
export const readConfig = () => readEnvironment(schema, process.env)

const tool_schema = Type.Object({
  namespace: SHARED.namespace,
  kafka_brokers: SERVERS.kafka_brokers,
  postgres_url: SERVERS.postgres_url,
})

/** What the command-line tools need of the same environment. @throws Error that names each variable that is missing or wrong */
export const readToolConfig = () => readEnvironment(tool_schema, process.env)
