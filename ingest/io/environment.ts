import { type Static, type TObject, type TProperties, type TSchema, Type } from 'typebox'
import { PARTITIONS_DEFAULT } from '../contract.ts'
import { fromText, shapeOf } from './shape.ts'

/**
 * Reading the environment: one schema a service, one variable a property. The property `ingest_port` is read from
 * `WAGGLE_INGEST_PORT`. Empty text counts as not set. Only `<room>/config.ts` passes `process.env` in.
 */

/** The variables that more than one service reads. Pick what the service needs: `Type.Object({ ...SHARED, … })`. */
export const SHARED = {
  namespace: Type.String({
    default: 'waggle',
    pattern: '^[a-z][a-z0-9_-]{0,40}$',
    description: 'the prefix of topics and Redis keys',
  }),
  partitions: Type.Integer({
    default: PARTITIONS_DEFAULT,
    minimum: 1,
    maximum: 1_000,
    description: 'partitions a topic, fixed when the topics are made',
  }),
  host: Type.String({ default: '127.0.0.1', description: 'the address to listen on' }),
  keys: Type.Optional(
    Type.String({ description: 'JSON list of {key, tenant_id, actor, scopes, act_as?}: who may call' }),
  ),
  log_level: Type.Union(
    [Type.Literal('debug'), Type.Literal('info'), Type.Literal('warn'), Type.Literal('error'), Type.Literal('silent')],
    { default: 'info' },
  ),
} as const

/** Where the four servers are. No default: a service that guessed would write to somebody else's database. */
export const SERVERS = {
  kafka_brokers: Type.Array(Type.String({ pattern: '^[^\\s:]+:\\d+$' }), {
    minItems: 1,
    description: 'host:port, more than one with commas, such as 127.0.0.1:9092',
  }),
  postgres_url: Type.String({
    pattern: '^postgres(ql)?://',
    description: 'such as postgres://user@127.0.0.1:5432/waggle',
  }),
  redis_url: Type.String({
    pattern: '^rediss?(-cluster)?://',
    description: 'such as redis://127.0.0.1:6379, or redis-cluster://a:6379,b:6379 with some nodes of a cluster',
  }),
  clickhouse_url: Type.String({ pattern: '^https?://', description: 'such as http://127.0.0.1:8123' }),
} as const

/** A port of one service. */
export const port = (number: number) => Type.Integer({ default: number, minimum: 0, maximum: 65_535 })

type Environment = Record<string, string | undefined>

/** The variable of a property. */
export const variableOf = (name: string): string => `WAGGLE_${name.toUpperCase()}`

/**
 * @returns the typed object of the schema
 * @throws Error that names each variable that is missing or wrong, and what it should be. Text values are not repeated
 *   in it, since URLs and keys hold secrets.
 */
export function readEnvironment<P extends TProperties>(schema: TObject<P>, env: Environment): Static<TObject<P>> {
  const texts = given(schema, env)
  const values = { ...defaults(schema), ...fromText(schema, texts) }
  const wrong = Object.entries(schema.properties as TProperties).flatMap(([name, property]) => {
    const problem = faultOf(schema, name, property, values[name])
    return problem === undefined ? [] : [`${variableOf(name)} ${problem}${hint(property)}`]
  })
  if (wrong.length > 0) throw new Error(`The environment is not complete:\n  ${wrong.join('\n  ')}`)
  return values as Static<TObject<P>>
}

function given(schema: TObject, env: Environment): Record<string, string> {
  const texts: Record<string, string> = {}
  for (const name of Object.keys(schema.properties)) {
    const text = env[variableOf(name)]?.trim()
    if (text) texts[name] = text
  }
  return texts
}

function defaults(schema: TObject): Record<string, unknown> {
  const entries = Object.entries(schema.properties as Record<string, TSchema & { default?: unknown }>)
  return Object.fromEntries(
    entries.flatMap(([name, { default: value }]) => (value === undefined ? [] : [[name, value]])),
  )
}

function faultOf(schema: TObject, name: string, property: TSchema, value: unknown): string | undefined {
  if (value === undefined) return (schema.required ?? []).includes(name) ? 'is not set' : undefined
  const shape = shapeOf(property)
  if (shape.fits(value)) return undefined
  return shape.fault(value).detail.replace(/^the value /, '')
}

function hint(property: TSchema): string {
  const { description } = property as { description?: string }
  return description ? ` (${description})` : ''
}
