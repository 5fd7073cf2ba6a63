import type { Queryable } from '../../ingest/io/postgres.ts'
import type { Act } from '../trip.ts'

/** What people commanded, written in the transaction of the change. */
export interface AuditEntry {
  action: string
  /** kind:id */
  subject: string
  reason: string | null
  before: unknown
  after: unknown
  idempotency_key: string | null
}

export async function addAudit(client: Queryable, act: Act, entry: AuditEntry): Promise<void> {
  await client.query(
    `INSERT INTO audit (tenant_id, actor, action, subject, reason, before, after, at, correlation_id, idempotency_key)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
    [
      act.tenant_id,
      act.actor,
      entry.action,
      entry.subject,
      entry.reason,
      JSON.stringify(entry.before ?? null),
      JSON.stringify(entry.after ?? null),
      act.now,
      act.correlation_id,
      entry.idempotency_key,
    ],
  )
}

/** What was answered to the same command of the same person before. */
export async function answeredBefore(
  client: Queryable,
  act: Act,
  idempotency_key: string,
): Promise<{ action: string; subject: string; after: unknown } | undefined> {
  const { rows } = await client.query(
    'SELECT action, subject, after FROM audit WHERE tenant_id = $1 AND actor = $2 AND idempotency_key = $3',
    [act.tenant_id, act.actor, idempotency_key],
  )
  return rows[0]
}
