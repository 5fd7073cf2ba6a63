import type { OrderView } from '../contract.ts'
import { addAudit } from '../io/audit.ts'
import { type OrderRow, orderView } from '../rows.ts'
import type { Hand } from './hand.ts'

/** A dispatcher's change of one order, as the audit has it. */
export interface Audited {
  /** such as assign */
  action: string
  reason: string
  before: OrderRow | undefined
  after: OrderRow
  idempotency_key: string | null
}

/** @returns the row's id */
export const writeAudit = ({ client, act }: Hand, audited: Audited): Promise<number> =>
  addAudit(client, act, {
    action: `order.${audited.action}`,
    subject: `order:${audited.after.order_id}`,
    reason: audited.reason,
    before: viewOf(audited.before),
    after: orderView(audited.after),
    idempotency_key: audited.idempotency_key,
  })

const viewOf = (order: OrderRow | undefined): OrderView | null => (order ? orderView(order) : null)
