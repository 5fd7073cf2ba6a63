import { type Static, Type } from 'typebox'
import { port, readEnvironment, SERVERS, SHARED } from '../../ingest/io/environment.ts'

const Settings = Type.Object({
  namespace: SHARED.namespace,
  host: SHARED.host,
  keys: SHARED.keys,
  log_level: SHARED.log_level,
  kafka_brokers: SERVERS.kafka_brokers,
  postgres_url: SERVERS.postgres_url,
  clickhouse_url: SERVERS.clickhouse_url,
  loader_port: port(4103),
  loader_batch_rows_max: Type.Integer({ default: 50_000, minimum: 1, maximum: 50_000, description: 'rows an INSERT' }),
  loader_wait_ms_max: Type.Integer({
    default: 1_000,
    minimum: 1,
    maximum: 10_000,
    description: 'ms that a record may wait for company',
  }),
  loader_failpoint: Type.Optional(
    Type.String({
      pattern: '^after_(record|insert|done):[1-9][0-9]{0,3}$',
      description: 'for tests: the process kills itself at that moment, the n-th time',
    }),
  ),
})
export type LoaderConfig = Static<typeof Settings>

/** @throws Error that names every variable that is missing or wrong */
export const readConfig = (): LoaderConfig => readEnvironment(Settings, process.env)
