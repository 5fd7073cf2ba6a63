import type { Incident, IncidentAnswer } from '../contract.ts'
import type { Deed } from './deeds.ts'
import type { IncidentRow, Incidents } from './incidents.ts'

/** Incidents as the page sees them: what was done about their orders in groups, and what became of these, counted. */

export const incidentsOf = ({ items }: Incidents): Incident[] =>
  items.map(row => {
    const { incident_id, at, tone, text, warehouse_id, courier_id, order_id, point, over } = row
    return {
      ...{ incident_id, at, tone, text },
      ...(warehouse_id && { warehouse_id }),
      ...(courier_id && { courier_id }),
      ...(order_id && { order_id }),
      ...(point && { point }),
      ...{ over, answers: answersOf(row), orders: endsOf(row) },
    }
  })

function answersOf({ orders }: IncidentRow): IncidentAnswer[] {
  const groups = Map.groupBy(orders.values(), ({ deed }) => {
    const { did, to_warehouse_id, courier_id, to_courier_id, sku, reason } = deed
    return [did, to_warehouse_id, courier_id, to_courier_id, sku, did === 'rejected' ? reason : ''].join(' ')
  })
  const answers = [...groups.values()].flatMap(group => {
    const deed = group.at(-1)?.deed
    return deed ? [answerOf(deed, group.length)] : []
  })
  return answers.sort((a, b) => b.orders - a.orders || (a.order_id < b.order_id ? -1 : 1))
}

const answerOf = (deed: Deed, orders: number): IncidentAnswer => ({
  ...{ did: deed.did, orders, order_id: deed.order_id },
  ...(deed.to_warehouse_id !== null && { to_warehouse_id: deed.to_warehouse_id }),
  ...(deed.courier_id !== null && { from_courier_id: deed.courier_id }),
  ...(deed.to_courier_id !== null && { to_courier_id: deed.to_courier_id }),
  ...(deed.sku !== null && { sku: deed.sku }),
  ...(deed.did === 'rejected' && deed.reason !== null && { reason: deed.reason }),
})

function endsOf({ orders, order_id, own_end }: IncidentRow): Incident['orders'] {
  const ends = { under_way: 0, delivered: 0, late: 0, lost: 0 }
  for (const { end } of orders.values()) ends[end] += 1
  if (own_end && order_id !== undefined && !orders.has(order_id)) ends[own_end] += 1
  return { ...ends, delivered: ends.delivered + ends.late }
}
