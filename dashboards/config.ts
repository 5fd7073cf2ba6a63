import { Type } from 'typebox'
import type { TenantId } from '../ingest/events/envelope.ts'
import { port, readEnvironment, SERVERS, SHARED } from '../ingest/io/environment.ts'

const Settings = Type.Object({
  ...SHARED,
  ...SERVERS,
  dashboards_port: port(4100),
  dashboards_tenant: Type.Unsafe<TenantId>(
    Type.String({ default: 'demo', minLength: 1, description: 'whose network this gateway shows' }),
  ),
  dashboards_open: Type.Optional(
    Type.Union([Type.Literal('0'), Type.Literal('1')], {
      description:
        '1: whoever reaches the page is an operator, no key asked; default 1 only while WAGGLE_HOST is loopback',
    }),
  ),
  dashboards_key: Type.Optional(
    Type.String({
      minLength: 12,
      description: 'the key for calls to dispatch; it must be allowed to act as dispatcher',
    }),
  ),
  dashboards_hz: Type.Integer({ default: 5, minimum: 2, maximum: 10, description: 'deltas a second' }),
  dashboards_clients_max: Type.Integer({ default: 1_000, minimum: 1, maximum: 20_000 }),
  dashboards_buffer_bytes_max: Type.Integer({
    default: 1_048_576,
    minimum: 65_536,
    description:
      'bytes that wait for one page; above it the page is left out and gets a snapshot once it has caught up',
  }),
  dashboards_basemap_url: Type.Optional(
    Type.String({ pattern: '^https?://', description: 'MapLibre style or PMTiles; absent: the one that ships' }),
  ),
  dashboards_title: Type.String({ default: 'Waggle', minLength: 1, maxLength: 80 }),
  world_url: Type.Optional(
    Type.String({ pattern: '^https?://', description: 'of the demo: where trouble can be made; absent: nowhere' }),
  ),
  dispatch_url: Type.String({
    default: 'http://127.0.0.1:4104',
    pattern: '^https?://',
    description: 'where commands go, such as http://127.0.0.1:4104',
  }),
})

/** @throws Error that names every variable that is missing or wrong */
export const readConfig = () => readEnvironment(Settings, process.env)
export type Config = ReturnType<typeof readConfig>
