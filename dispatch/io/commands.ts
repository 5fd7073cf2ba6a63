import type { Pool, Queryable } from '../../ingest/io/postgres.ts'
import type { Refused } from '../desk.ts'
import type { Act } from '../trip.ts'

/** What became of each command with an Idempotency-Key: claimed first, settled last, both in the transaction of its effect. */

export interface ClaimRow {
  action: string
  request_hash: string
  outcome: CommandOutcome
}

export type CommandOutcome = { done: unknown } | { refused: Refused }

export interface Claim {
  idempotency_key: string
  action: string
  request_hash: string
}

/**
 * Whoever comes second with a key waits here until the first has committed, or rolled back.
 * @returns undefined: the key is this transaction's own; else what stands under it
 */
export async function claimCommand(client: Queryable, act: Act, claim: Claim): Promise<ClaimRow | undefined> {
  const { rowCount } = await client.query(
    `INSERT INTO commands (tenant_id, actor, idempotency_key, action, request_hash, at, correlation_id)
     VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
    [act.tenant_id, act.actor, claim.idempotency_key, claim.action, claim.request_hash, act.now, act.correlation_id],
  )
  if (rowCount === 1) return undefined
  const { rows } = await client.query<ClaimRow>(
    'SELECT action, request_hash, outcome FROM commands WHERE tenant_id = $1 AND actor = $2 AND idempotency_key = $3',
    [act.tenant_id, act.actor, claim.idempotency_key],
  )
  const [row] = rows
  if (!row) throw new Error(`the command ${claim.idempotency_key} was there and is gone`)
  return row
}

export async function settleCommand(
  client: Queryable,
  act: Act,
  idempotency_key: string,
  outcome: CommandOutcome,
): Promise<void> {
  await client.query('UPDATE commands SET outcome = $4 WHERE tenant_id = $1 AND actor = $2 AND idempotency_key = $3', [
    act.tenant_id,
    act.actor,
    idempotency_key,
    JSON.stringify(outcome),
  ])
}

const KEPT_DAYS = 7

/** Who has not asked again within a week does not. @returns how many were forgotten */
export async function forgetCommands(pool: Pool): Promise<number> {
  const { rowCount } = await pool.query('DELETE FROM commands WHERE at_wall < now() - make_interval(days => $1)', [
    KEPT_DAYS,
  ])
  return rowCount ?? 0
}
