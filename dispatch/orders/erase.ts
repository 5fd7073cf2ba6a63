import { commit, type Desk } from '../desk.ts'
import { addAudit } from '../io/audit.ts'
import { deleteContact } from '../io/requests.ts'
import type { Act } from '../trip.ts'

/** Erases who receives an order. The order itself names nobody. Asking again changes nothing. */
export function eraseContact(desk: Desk, act: Act, order_id: string): Promise<void> {
  return commit(desk, act, async client => {
    if (!(await deleteContact(client, act.tenant_id, order_id))) return
    await addAudit(client, act, {
      action: 'contact.erase',
      subject: `order:${order_id}`,
      reason: null,
      before: null,
      after: null,
      idempotency_key: null,
    })
  })
}
