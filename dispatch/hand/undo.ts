import type { CourierView } from '../../engine/contract.ts'
import type { OrderView } from '../contract.ts'
import { conflict, isRefused, type Refused } from '../desk.ts'
import { lastByHand, markUndone } from '../io/audit.ts'
import { saveOrders } from '../io/book.ts'
import { NO_DUTY, readDuties } from '../io/duties.ts'
import type { OrderRow } from '../rows.ts'
import { bestOnto } from './fitness.ts'
import { give, type Hand, type Handed } from './hand.ts'
import { setPinned, takeBack } from './hand_back.ts'
import { Refusal } from './once.ts'
import { writeAudit } from './write_audit.ts'

/** A dispatcher takes back what was done by hand, of one order or of several that went together. */

export interface Undoing {
  reason: string
  idempotency_key: string | null
  /** a courier of the live fleet */
  find: (courier_id: string) => Promise<CourierView | { refused: Refused }>
}

/**
 * All of the orders or none, one after the other: what went together comes back together.
 * @throws Refusal for the first that can not be undone
 */
export async function undoAll(hand: Hand, orders: readonly OrderRow[], asked: Undoing): Promise<OrderRow[]> {
  const done: OrderRow[] = []
  for (const order of orders) {
    const last = await lastOf(hand, order)
    const handed = isRefused(last) ? last : await undo(hand, order, last.before, asked)
    // What was undone before this one is rolled back.
    if (isRefused(handed)) throw new Refusal(handed.refused)
    for (const after of handed.orders) {
      const audit_id = await writeAudit(hand, { ...asked, action: 'undo', before: order, after })
      if (!isRefused(last)) await markUndone(hand.client, last.id, audit_id)
      done.push(after)
    }
    // The next one may come onto the same trip, and is weighed against the book as it is by then.
    await saveOrders(hand.client, handed.orders)
  }
  return done
}

async function lastOf({ client, act }: Hand, order: OrderRow) {
  const last = await lastByHand(client, act.tenant_id, order.order_id)
  if (!last) return conflict(order, 'nothing_to_undo', 'no dispatcher has changed who brings it')
  const { courier_id, pinned } = last.after
  if (courier_id === order.courier_id && pinned === order.pinned) return last
  return conflict(order, 'moved_on', 'it changed hands since then: it can not be undone any more')
}

/** Back to whoever had it, as far as that is still possible. */
async function undo(hand: Hand, order: OrderRow, before: OrderView, { find }: Undoing): Promise<Handed> {
  const reason = 'mistake'
  if (before.courier_id === null) return takeBack(hand, order, { reason, and_forget: true })
  if (before.courier_id === order.courier_id) return setPinned(hand, order, before.pinned)
  const courier = await find(before.courier_id)
  if (isRefused(courier)) return courier
  const duties = await readDuties(hand.client, hand.act.tenant_id, courier.courier_id)
  const onto = bestOnto({ courier, duty: duties.get(courier.courier_id) ?? NO_DUTY })
  return give(hand, [order], { courier, onto, pin: before.pinned, overrule: true, reason })
}
