import { Type } from 'typebox'
import { port, readEnvironment, SERVERS, SHARED } from './io/environment.ts'

const Settings = Type.Object({
  ...SHARED,
  kafka_brokers: SERVERS.kafka_brokers,
  postgres_url: SERVERS.postgres_url,
  ingest_port: port(4101),
  ingest_buffer_bytes_max: Type.Integer({
    default: 33_554_432,
    minimum: 4_194_304,
    description: 'events that Kafka has not acknowledged; what would not fit is answered with 429',
  }),
})

/** @throws Error that names every variable that is missing or wrong */
export const readConfig = () => readEnvironment(Settings, process.env)
