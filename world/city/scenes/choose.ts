import type { OrderView, TripView } from '../../../dispatch/contract.ts'
import type { Draws } from '../random.ts'

/** Whom a scene is about. Pure: of what is known of Waggle's work, and draws of the scene's own. */

/** The warehouse where most would notice: with the most orders that nobody has begun. */
export function busiest(orders: readonly OrderView[], warehouse_ids: readonly string[]): string | undefined {
  const waiting = new Map(warehouse_ids.map(id => [id, 0]))
  for (const { state, warehouse_id } of orders) {
    const count = warehouse_id === null ? undefined : waiting.get(warehouse_id)
    if (state === 'routed' && warehouse_id !== null && count !== undefined) waiting.set(warehouse_id, count + 1)
  }
  const [first] = [...waiting].toSorted(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
  return first?.[0]
}

/** Accepted, nothing fetched yet, and with some way to go: so long that somebody else can be asked. */
export function tripToBreak(
  trips: readonly TripView[],
  { now, ahead_s, standing }: { now: number; ahead_s: number; standing: ReadonlySet<string> },
  draw: Draws,
): TripView | undefined {
  const fit = trips.filter(trip => {
    const pickup = trip.stops.find(stop => stop.kind === 'pickup')
    const far = pickup !== undefined && pickup.done_at === undefined && pickup.eta - now >= ahead_s * 1_000
    return trip.state === 'accepted' && !trip.pinned && far && !standing.has(trip.courier_id)
  })
  return drawn(fit, trip => trip.trip_id, draw)
}

/** Somebody fills its bag, or is about to where nobody does; and not its only line at stake. */
export function orderToShorten(orders: readonly OrderView[], draw: Draws): OrderView | undefined {
  const several = orders.filter(order => order.lines.length >= 2)
  const begun = several.filter(order => order.state === 'picking')
  const fit = begun.length > 0 ? begun : several.filter(order => order.state === 'routed')
  return drawn(fit, order => order.order_id, draw)
}

/** Not on the road yet. */
export const orderToCancel = (orders: readonly OrderView[], draw: Draws): OrderView | undefined =>
  drawn(
    orders.filter(order => (order.state === 'routed' || order.state === 'picking') && !order.cancel_asked),
    order => order.order_id,
    draw,
  )

/** Somebody has it and has not fetched it: another could. In the order in which a dispatcher tries them. */
export function ordersToReassign(orders: readonly OrderView[], trips: readonly TripView[], draw: Draws): OrderView[] {
  const movable = new Set<string>()
  for (const { trip_id, state, pinned } of trips) {
    if (!pinned && (state === 'accepted' || state === 'offered')) movable.add(trip_id)
  }
  const fit = orders.filter(
    ({ state, trip_id, pinned, cancel_asked }) =>
      ['routed', 'picking', 'packed'].includes(state) &&
      trip_id !== null &&
      movable.has(trip_id) &&
      !pinned &&
      !cancel_asked,
  )
  const left = byId(fit, order => order.order_id)
  return fit.map(() => left.splice(draw.whole(0, left.length - 1), 1)[0] as OrderView)
}

/** What the city knows comes in an order that is nobody's: by id the same draw is the same choice. */
function drawn<Value>(values: readonly Value[], idOf: (value: Value) => string, draw: Draws): Value | undefined {
  return values.length === 0 ? undefined : draw.pick(byId(values, idOf))
}

const byId = <Value>(values: readonly Value[], idOf: (value: Value) => string): Value[] =>
  values.toSorted((a, b) => (idOf(a) < idOf(b) ? -1 : 1))
