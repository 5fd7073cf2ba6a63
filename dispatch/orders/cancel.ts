import { commit, conflict, type Desk, type Refused, refuse, remark, words } from '../desk.ts'
import { ensureOrder, lockOrders } from '../io/book.ts'
import { ORDER_LIFE } from '../life/order.ts'
import type { OrderRow } from '../rows.ts'
import { type Act, changeOrder } from '../trip.ts'

/**
 * The wish to cancel, written down: from here on the order can't be picked up, and the engine decides. Asking again
 * changes nothing. A cancelled order is answered as it is.
 */
export function askToCancel(
  desk: Desk,
  act: Act,
  { order_id, reason }: { order_id: string; reason: string },
): Promise<{ order: OrderRow } | { refused: Refused }> {
  return commit(desk, act, async (client, change) => {
    await ensureOrder(client, act.tenant_id, order_id)
    const [order] = await lockOrders(client, act.tenant_id, [order_id])
    if (!order) return refuse(404, 'unknown_order', `there is no order ${order_id}`)
    if (order.cancel_asked || order.state === 'cancelled') return { order }
    if (ORDER_LIFE[order.state]['order.cancel_asked'] === 'refused') {
      return conflict(order, 'too_late', `the order is ${order.state}: it can't be cancelled any more`)
    }
    const asked = changeOrder(order, { cancel_asked: true }, act)
    change.orders.push(asked)
    change.history.push(remark(act, order_id, `Cancelling was asked for: ${words(reason)}.`))
    change.events.push({ type: 'order.cancel_asked', zone_id: order.zone_id, data: { order_id, reason } })
    return { order: asked }
  })
}
