import type { Queryable } from '../../ingest/io/postgres.ts'
import type { OrderView } from '../contract.ts'
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

/** @returns its id */
export async function addAudit(client: Queryable, act: Act, entry: AuditEntry): Promise<number> {
  const { rows } = await client.query<{ id: number }>(
    `INSERT INTO audit (tenant_id, actor, action, subject, reason, before, after, at, correlation_id, idempotency_key)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING id`,
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
  const [row] = rows
  if (!row) throw new Error('an audit row was not written')
  return row.id
}

export interface Undoable {
  id: number
  before: OrderView
  after: OrderView
}

const UNDOABLE = ['order.assign', 'order.reassign', 'order.unassign', 'order.move', 'order.pin', 'order.unpin']

/** The last change of an order by hand that stands. The caller holds the order's lock. */
export async function lastByHand(
  client: Queryable,
  tenant_id: string,
  order_id: string,
): Promise<Undoable | undefined> {
  const { rows } = await client.query<Undoable>(
    `SELECT id, before, after FROM audit
     WHERE tenant_id = $1 AND subject = $2 AND action = ANY($3) AND undone_by IS NULL ORDER BY id DESC LIMIT 1`,
    [tenant_id, `order:${order_id}`, UNDOABLE],
  )
  return rows[0]
}

export async function markUndone(client: Queryable, id: number, undone_by: number): Promise<void> {
  await client.query('UPDATE audit SET undone_by = $2 WHERE id = $1', [id, undone_by])
}
