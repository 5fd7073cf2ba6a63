import type { Queryable } from '../../ingest/io/postgres.ts'
import type { PlaceOrder } from '../contract.ts'
import type { OrderRow } from '../rows.ts'

export interface Handover {
  order: OrderRow
  /** null: none was given, or it was erased */
  contact: PlaceOrder['contact'] | null
}

/** What is needed at the door, for the courier who brings it now and for nobody else: a contact is a person's data. */
export async function handoverOf(
  client: Queryable,
  tenant_id: string,
  { order_id, courier_id }: { order_id: string; courier_id: string },
): Promise<Handover | undefined> {
  const { rows } = await client.query<Handover>(
    `SELECT to_jsonb(o) AS order, CASE WHEN c.order_id IS NULL THEN NULL ELSE
       jsonb_strip_nulls(jsonb_build_object('name', c.name, 'phone', c.phone, 'address', c.address, 'note', c.note)) END AS contact
     FROM orders o
     JOIN trips t ON t.tenant_id = o.tenant_id AND t.trip_id = o.trip_id AND t.state IN ('accepted', 'under_way')
     LEFT JOIN contacts c ON c.tenant_id = o.tenant_id AND c.order_id = o.order_id
     WHERE o.tenant_id = $1 AND o.order_id = $2 AND o.courier_id = $3 AND o.closed_at IS NULL`,
    [tenant_id, order_id, courier_id],
  )
  return rows[0]
}
