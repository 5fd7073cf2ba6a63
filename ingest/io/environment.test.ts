import { Type } from 'typebox'
import { expect, test } from 'vitest'
import { port, readEnvironment, SERVERS, SHARED } from './environment.ts'

const schema = Type.Object({
  ...SHARED,
  kafka_brokers: SERVERS.kafka_brokers,
  postgres_url: SERVERS.postgres_url,
  ingest_port: port(4101),
  fast: Type.Optional(Type.Boolean()),
})
const needed = { WAGGLE_KAFKA_BROKERS: '127.0.0.1:9092, k2:9093', WAGGLE_POSTGRES_URL: 'postgres://u:secret@h/db' }

test('defaults are filled in, text becomes what the schema says', () => {
  const config = readEnvironment(schema, { ...needed, WAGGLE_PARTITIONS: '24', WAGGLE_FAST: 'true', PATH: '/bin' })
  expect(config).toEqual({
    namespace: 'waggle',
    partitions: 24,
    host: '127.0.0.1',
    log_level: 'info',
    kafka_brokers: ['127.0.0.1:9092', 'k2:9093'],
    postgres_url: 'postgres://u:secret@h/db',
    ingest_port: 4101,
    fast: true,
  })
})

test('an empty variable is one that is not set', () => {
  expect(readEnvironment(schema, { ...needed, WAGGLE_INGEST_PORT: ' ' }).ingest_port).toBe(4101)
})

test('every missing and wrong variable is named at once, with what it should be', () => {
  const wrong = { WAGGLE_INGEST_PORT: '70000', WAGGLE_PARTITIONS: 'many', WAGGLE_LOG_LEVEL: 'loud' }
  const read = () => readEnvironment(schema, { ...wrong, WAGGLE_POSTGRES_URL: 'mysql://root:secret@h/db' })
  expect(read).toThrow(/WAGGLE_KAFKA_BROKERS is not set \(host:port/)
  expect(read).toThrow(/WAGGLE_POSTGRES_URL must match/)
  expect(read).toThrow(/WAGGLE_INGEST_PORT must be <= 65535/)
  expect(read).toThrow(/WAGGLE_PARTITIONS must be integer/)
  expect(read).toThrow(/WAGGLE_LOG_LEVEL must be one of "debug", "info"/)
  expect(read).not.toThrow(/secret/)
})
