import { createHash, timingSafeEqual } from 'node:crypto'
import { isIPv4 } from 'node:net'
import { type Static, Type } from 'typebox'
import { type Caller, SCOPES } from '../contract.ts'
import { TenantId } from '../events/envelope.ts'
import { HttpProblem } from './problem.ts'
import { shapeOf } from './shape.ts'

/** Who may call: keys from the configuration. */

const ACTOR = '^[a-z][a-z_]{0,19}:[A-Za-z0-9][A-Za-z0-9_.:-]{0,42}$'

const KeyEntry = Type.Object({
  key: Type.String({ minLength: 12, maxLength: 200 }),
  tenant_id: TenantId,
  actor: Type.String({ pattern: ACTOR, description: 'kind:id' }),
  scopes: Type.Array(Type.Enum([...SCOPES])),
  act_as: Type.Optional(
    Type.Array(Type.String({ pattern: '^[a-z][a-z_]{0,19}$' }), {
      description: 'kinds of actor that this key may name with the header x-waggle-actor, such as courier',
    }),
  ),
})
type KeyEntry = Static<typeof KeyEntry>

const keyList = shapeOf(Type.Array(KeyEntry, { minItems: 1 }))

export const DEVELOPMENT_KEY = 'waggle-dev-key'

const DEVELOPMENT: KeyEntry = {
  key: DEVELOPMENT_KEY,
  tenant_id: 'demo' as KeyEntry['tenant_id'],
  actor: 'developer:local',
  scopes: [...SCOPES],
  act_as: ['courier', 'customer', 'dispatcher', 'partner', 'warehouse'],
}

/** `authorization` and `x-waggle-actor` as they came. */
export interface Credentials {
  authorization: string | undefined
  actor: string | undefined
}

/** @throws HttpProblem 401 for an unknown key, 403 for an actor that the key may not name */
export type Authenticate = (credentials: Credentials) => Caller

/**
 * @param text JSON list of keys; absent: the development key, and only while `host` is this machine's own
 * @throws Error that says what is wrong with the list, without repeating a key
 */
export function openKeys(text: string | undefined, host: string): Authenticate {
  const entries = text === undefined ? developmentOnly(host) : parseKeys(text)
  const known = entries.map(entry => ({ entry, hash: sha256(entry.key) }))
  return credentials => {
    const hash = sha256(bearer(credentials.authorization))
    // Every key is compared, and hashes of equal length, so the time taken tells nothing of a key.
    const [found] = known.filter(one => timingSafeEqual(one.hash, hash))
    if (!found) throw new HttpProblem(401, 'unknown_key', 'the key is not known: check WAGGLE_KEYS')
    return callerOf(found.entry, credentials.actor)
  }
}

function callerOf(entry: KeyEntry, actor: string | undefined): Caller {
  const { tenant_id, scopes, act_as = [] } = entry
  if (actor === undefined || actor === entry.actor) return { tenant_id, actor: entry.actor, scopes, act_as }
  const [kind = ''] = actor.split(':')
  if (!new RegExp(ACTOR).test(actor)) {
    throw new HttpProblem(400, 'wrong_shape', 'x-waggle-actor must be kind:id, such as courier:c17')
  }
  if (!act_as.includes(kind)) {
    throw new HttpProblem(403, 'actor_not_allowed', `this key may not act as a ${kind}: see act_as in WAGGLE_KEYS`)
  }
  return { tenant_id, actor, scopes }
}

function bearer(authorization: string | undefined): string {
  const [, key] = /^Bearer ([^\s]{1,200})$/i.exec(authorization ?? '') ?? []
  if (!key) throw new HttpProblem(401, 'no_key', 'send the header "authorization: Bearer <key>"')
  return key
}

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest()

function developmentOnly(host: string): KeyEntry[] {
  if (isLoopback(host)) return [DEVELOPMENT]
  throw new Error(
    `WAGGLE_KEYS is not set: the development key works only on this machine, but WAGGLE_HOST is ${host}. Set WAGGLE_KEYS.`,
  )
}

function parseKeys(text: string): KeyEntry[] {
  const list = readJson(text)
  if (!keyList.fits(list)) {
    throw new Error(`WAGGLE_KEYS is not a list of keys: ${keyList.fault(list).detail}`)
  }
  if (new Set(list.map(entry => entry.key)).size < list.length) throw new Error('WAGGLE_KEYS holds a key twice')
  return list
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new Error('WAGGLE_KEYS is not JSON')
  }
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'))
}
