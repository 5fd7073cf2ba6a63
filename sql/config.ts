import { Type } from 'typebox'
import { readEnvironment, SERVERS, SHARED } from '../ingest/io/environment.ts'

const Settings = Type.Object({
  namespace: SHARED.namespace,
  postgres_url: SERVERS.postgres_url,
  clickhouse_url: SERVERS.clickhouse_url,
})

/** @throws Error that names every variable that is missing or wrong */
export const readConfig = () => readEnvironment(Settings, process.env)
