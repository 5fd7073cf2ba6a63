import { createHash } from 'node:crypto'
import type { Queryable } from '../../ingest/io/postgres.ts'
import { type Change, commit, type Desk, type Refused, refuse } from '../desk.ts'
import { type Claim, type CommandOutcome, claimCommand, settleCommand } from '../io/commands.ts'
import { isTaken } from '../io/trips.ts'
import type { Act } from '../trip.ts'

/**
 * A command of a person, at most once for its key. Effect, audit and outcome are one transaction:
 *
 *   claim the key ─► work ─► settle the outcome ─► commit        a crash before the commit leaves nothing, after it all
 *        └► the key is there: its outcome is the answer
 *
 * Refusals are outcomes, too: who lost a race, and did not hear of it, learns the same when it asks again.
 */

export interface Asked {
  /** such as order.reassign */
  action: string
  idempotency_key: string | null
  /** all that the command depends on, but for who asks: subject, version, body */
  request: unknown
}

export type Answered<Done> = { done: Done; repeated: boolean } | { refused: Refused; repeated: boolean }

/** Thrown by `work` when it has to refuse after it wrote something: that is rolled back, and the refusal is the outcome. */
export class Refusal extends Error {
  readonly refused: Refused
  constructor(refused: Refused) {
    super(refused.detail)
    this.name = 'Refusal'
    this.refused = refused
  }
}

/** `Done` must survive JSON: it is kept. */
export async function once<Done extends object>(
  desk: Desk,
  act: Act,
  asked: Asked,
  work: (client: Queryable, change: Change) => Promise<{ done: Done } | { refused: Refused }>,
): Promise<Answered<Done>> {
  try {
    return await commit(desk, act, (client, change) => settled(client, act, asked, () => work(client, change)))
  } catch (error) {
    const refused = refusedBy(error)
    if (!refused) throw error
    return commit(desk, act, client => settled<Done>(client, act, asked, async () => ({ refused })))
  }
}

function refusedBy(error: unknown): Refused | undefined {
  if (error instanceof Refusal) return error.refused
  if (!isTaken(error)) return undefined
  return refuse(409, 'taken', 'the courier or the order was put on another trip at the same moment: look again').refused
}

async function settled<Done extends object>(
  client: Queryable,
  act: Act,
  { action, idempotency_key, request }: Asked,
  work: () => Promise<{ done: Done } | { refused: Refused }>,
): Promise<Answered<Done>> {
  if (idempotency_key === null) return { ...(await work()), repeated: false }
  const claim: Claim = { idempotency_key, action, request_hash: hashOf(request) }
  const before = await claimCommand(client, act, claim)
  if (before) {
    if (before.action !== action || before.request_hash !== claim.request_hash) return { ...KEY_USED, repeated: false }
    // What stands under this key was written by this function.
    return { ...(before.outcome as { done: Done } | { refused: Refused }), repeated: true }
  }
  const outcome = await work()
  await settleCommand(client, act, idempotency_key, outcome as CommandOutcome)
  return { ...outcome, repeated: false }
}

const KEY_USED = refuse(422, 'key_used', 'this Idempotency-Key was used for another command: take a new one')

/** Equal requests have equal hashes, whatever the order of their fields. */
const hashOf = (request: unknown): string =>
  createHash('sha256')
    .update(JSON.stringify(request, (_name, value) => (isPlain(value) ? sortedFields(value) : value)))
    .digest('hex')

const isPlain = (value: unknown): value is Record<string, unknown> =>
  value !== null && typeof value === 'object' && !Array.isArray(value)

const sortedFields = (value: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
