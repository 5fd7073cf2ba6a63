import {
  type Candidate,
  type Cause,
  type DecisionOf,
  type DecisionRecord,
  REFUSALS,
} from '../../ingest/events/decisions.ts'
import type { OrderRequest } from '../../ingest/events/orders.ts'
import type { FeedItem } from '../contract.ts'
import {
  LATE_S_MIN,
  listed,
  localTime,
  minutes,
  type Names,
  nameOf,
  placesOf,
  shortName,
  type Told,
  wordsOf,
} from './words.ts'

/**
 * What happened, in plain short sentences. A function of the record and of names alone, so that a record read again gives the
 * same sentence under the same id. What is routine (picking, packed, picked up, an offer) is on the map and not told.
 */

/** At most one item a decision; re-routings of one cause to one place are told together. */
export function tellDecisions(record: DecisionRecord, names: Names): FeedItem[] {
  const moved = new Set(record.decisions.flatMap(one => (one.type === 'order.rerouted' ? one.order_id : [])))
  const told = record.decisions.flatMap(decision => {
    // How much later a moved order will be is told with the move.
    if (decision.type === 'promise.changed' && moved.has(decision.order_id)) return []
    return tellDecision(decision, names) ?? []
  })
  return [...told, ...tellRerouted(record, names)].map((item, index) => ({
    id: `${record.zone_id}/${record.source_offset}/${index}`,
    at: record.decided_at,
    ...item,
  }))
}

function tellDecision(decision: DecisionRecord['decisions'][number], names: Names): Told | undefined {
  switch (decision.type) {
    case 'order.routed':
      return tellRouted(decision, names)
    case 'order.rejected':
      return tellRejected(decision, names)
    case 'order.offered':
      return tellOffered(decision, names)
    case 'order.cancelled': {
      const by = decision.by === 'customer' ? 'by the customer' : `(${wordsOf(decision.by)})`
      const text = `Order ${shortName(decision.order_id)} was cancelled ${by}: ${wordsOf(decision.reason)}`
      return { tone: 'warn', text, order_id: decision.order_id }
    }
    case 'order.shortened':
      return tellShortened(decision, names)
    case 'order.substituted': {
      const { order_id, sku, substitute_sku } = decision
      const text = `Order ${shortName(order_id)} gets ${wordsOf(substitute_sku)} instead of ${wordsOf(sku)}`
      return { tone: 'plain', text, order_id }
    }
    case 'promise.changed':
      return tellPromise(decision)
    default:
      return undefined
  }
}

function tellRouted(decision: DecisionOf<'order.routed'>, names: Names): Told {
  const { order_id, fulfilments, promise, candidates, order, from_zone_id } = decision
  const first = fulfilments[0]?.warehouse_id
  const zone = first && names.warehouse(first)?.time_zone
  const by = localTime(promise.deliver_by, zone)
  const over = from_zone_id ? `, taken over from ${wordsOf(from_zone_id)}` : ''
  const passed = candidates[0]?.refused ? `; ${refusedBy(candidates[0], order, names)}` : ''
  return {
    tone: 'plain',
    text: `Order ${shortName(order_id)}: ${placesOf(fulfilments, names)} will pack it, at the door by ${by}${passed}${over}`,
    order_id,
    ...(passed === '' && over === '' && { routine: true }),
  }
}

/** Why the nearest one did not get it. */
function refusedBy({ warehouse_id, refused, line_id }: Candidate, order: OrderRequest, names: Names): string {
  const name = nameOf(names, warehouse_id)
  const sku = order.lines.find(line => line.line_id === line_id)?.sku
  if (refused === 'out_of_stock' && sku) return `${name} is out of ${wordsOf(sku)}`
  if (refused === 'sku_unknown' && sku) return `${name} has no ${wordsOf(sku)}`
  if (refused === 'warehouse_paused') return `${name} is paused`
  return refused ? `not ${name}: ${REFUSALS[refused].says}` : name
}

function tellOffered(decision: DecisionOf<'order.offered'>, names: Names): Told {
  const { order_id, to_zone_id, candidates, order } = decision
  const why = candidates[0] ? `${refusedBy(candidates[0], order, names)}: ` : ''
  return { tone: 'warn', text: `${why}order ${shortName(order_id)} was offered to ${wordsOf(to_zone_id)}`, order_id }
}

function tellRejected(decision: DecisionOf<'order.rejected'>, names: Names): Told {
  const { order_id, reason, line_id, order } = decision
  const reasons = reasonsOf(decision.candidates, order)
  const several = new Map([...reasons].filter(([, ids]) => ids.length > 0))
  if (several.size > 1) {
    const why = listed(
      [...several].map(([says, ids]) =>
        ids.length === 1 ? `${placesOf(ids, names)} ${says}` : `${ids.length} warehouses ${plural(says)}`,
      ),
    )
    return { tone: 'bad', text: `Order ${shortName(order_id)} was rejected: ${why}`, order_id }
  }
  const sku = order.lines.find(line => line.line_id === line_id)?.sku
  const what = sku ? ` (${wordsOf(sku)})` : ''
  return { tone: 'bad', text: `Order ${shortName(order_id)} was rejected: ${REFUSALS[reason].says}${what}`, order_id }
}

/** What speaks against the warehouses that were looked at → those that it is true of, the best first. */
function reasonsOf(candidates: readonly Candidate[], { lines }: OrderRequest): Map<string, { warehouse_id: string }[]> {
  return Map.groupBy(
    candidates.filter(one => one.refused !== undefined),
    ({ refused, line_id }) => {
      const sku = lines.find(line => line.line_id === line_id)?.sku
      if (refused === 'warehouse_paused') return 'is paused'
      if (refused === 'full') return 'is too busy'
      if (refused === 'closed') return 'is closed'
      if (refused === 'sku_unknown' && sku) return `has no ${wordsOf(sku)}`
      return sku ? `is out of ${wordsOf(sku)}` : 'takes no more orders'
    },
  )
}

const plural = (says: string): string =>
  says
    .replace(/^is /, 'are ')
    .replace(/^has /, 'have ')
    .replace(/^takes /, 'take ')

function tellShortened(decision: DecisionOf<'order.shortened'>, names: Names): Told {
  const { order_id, warehouse_id, sku, quantity, quantity_before } = decision
  const left =
    quantity === 0 ? `goes without ${wordsOf(sku)}` : `gets ${quantity} of ${quantity_before} ${wordsOf(sku)}`
  const text = `Order ${shortName(order_id)} ${left}: ${nameOf(names, warehouse_id)} ran short`
  return { tone: 'warn', text, order_id }
}

const laterS = ({ promise, first_deliver_by }: DecisionOf<'promise.changed'>): number =>
  (promise.deliver_by - first_deliver_by) / 1_000

/** Causes that say too little by their names. */
const LATER_BECAUSE: Partial<Record<Cause, string>> = {
  picking: 'picking takes longer',
  load: 'there is too much to do',
  warehouse_paused: 'its warehouse is paused',
  short_pick: 'something was missing on the shelf',
}

function tellPromise(decision: DecisionOf<'promise.changed'>): Told | undefined {
  const { order_id, cause } = decision
  const later_s = laterS(decision)
  if (later_s < LATE_S_MIN) return undefined
  const text = `Order ${shortName(order_id)} will be ${minutes(later_s)} later than promised: ${LATER_BECAUSE[cause] ?? wordsOf(cause)}`
  return { tone: 'warn', text, order_id }
}

/** "Loop is out of milk: 3 orders moved to Old Town" */
function tellRerouted({ decisions }: DecisionRecord, names: Names): Told[] {
  const later = new Map(
    decisions.flatMap(one => (one.type === 'promise.changed' ? [[one.order_id, laterS(one)] as const] : [])),
  )
  const moved = decisions.filter(decision => decision.type === 'order.rerouted')
  const shortfall = decisions.find(decision => decision.type === 'stock.shortfall')
  const groups = Map.groupBy(
    moved,
    one => `${one.cause}: ${names.before?.(one.order_id)} → ${placesOf(one.fulfilments, names)}`,
  )
  return [...groups.values()].flatMap(group => {
    const [one] = group
    if (!one) return []
    const why = whyMoved(one, shortfall, names)
    const to = placesOf(one.fulfilments, names)
    const text =
      group.length === 1 ? `order ${shortName(one.order_id)} moved to ${to}` : `${group.length} orders moved to ${to}`
    const later_s = Math.max(...group.map(({ order_id }) => later.get(order_id) ?? 0))
    const wait =
      later_s < LATE_S_MIN ? '' : `, ${group.length === 1 ? '' : 'at most '}${minutes(later_s)} later than promised`
    const subject = group.length === 1 ? { order_id: one.order_id } : warehouseOf(one)
    return [{ tone: 'warn' as const, text: `${why}: ${text}${wait}`, ...subject }]
  })
}

const warehouseOf = ({ fulfilments }: DecisionOf<'order.rerouted'>) =>
  fulfilments[0] ? { warehouse_id: fulfilments[0].warehouse_id } : {}

function whyMoved(
  { order_id, cause, candidates }: DecisionOf<'order.rerouted'>,
  shortfall: DecisionOf<'stock.shortfall'> | undefined,
  names: Names,
): string {
  if (shortfall) return `${nameOf(names, shortfall.warehouse_id)} is out of ${wordsOf(shortfall.sku)}`
  const paused = names.before?.(order_id) ?? candidates.find(one => one.refused === 'warehouse_paused')?.warehouse_id
  if (cause === 'warehouse_paused' && paused) return `${nameOf(names, paused)} is paused`
  const said = {
    customer: 'Changed by the customer',
    load: 'Too much to do',
    warehouse_paused: 'A warehouse is paused',
  }
  return cause in said ? said[cause as keyof typeof said] : 'Out of stock'
}

/** A pause or its end; undefined when the change is about something else. */
export function tellWarehouse(
  before: { paused: boolean } | undefined,
  after: { warehouse_id: string; name: string; paused: boolean; paused_reason: string | null; version: number },
  at: number,
): FeedItem | undefined {
  if (!before || before.paused === after.paused) return undefined
  const why = after.paused_reason ? `: ${wordsOf(after.paused_reason)}` : ''
  return {
    id: `warehouse/${after.warehouse_id}/${after.version}`,
    at,
    tone: after.paused ? 'warn' : 'good',
    text: after.paused ? `${after.name} is paused${why}` : `${after.name} takes orders again`,
    warehouse_id: after.warehouse_id,
  }
}
