import type { CourierView } from '../../engine/contract.ts'
import type { WarehouseId } from '../../ingest/events/envelope.ts'
import { DEFAULT_POLICY } from '../../ingest/events/network.ts'
import type { Network } from '../../ingest/io/network.ts'
import type { Queryable } from '../../ingest/io/postgres.ts'
import { HttpProblem } from '../../ingest/io/problem.ts'
import type { Onto, OrderView } from '../contract.ts'
import { type Change, conflict, type Desk, isRefused, type Refused, refuse } from '../desk.ts'
import { changesSince, lockOrders } from '../io/book.ts'
import type { Metrics } from '../metrics.ts'
import { type OrderRow, orderView } from '../rows.ts'
import { greatCircle } from '../travel.ts'
import type { Act } from '../trip.ts'
import { give, type Hand, type Handed, immovable } from './hand.ts'
import { setPinned, takeBack } from './hand_back.ts'
import { type Answered, once } from './once.ts'
import { undoAll } from './undo.ts'
import { writeAudit } from './write_audit.ts'

/** A dispatcher's commands on orders: each against the versions that were seen, once for its key, with its audit. */

export interface HandEffects {
  desk: Desk
  network(): Network
  /** rejects while Redis is away */
  fleet(): Promise<CourierView[]>
  /** a courier not heard of for longer is unreachable, s of business time */
  silent_s_max: number
  metrics: Pick<Metrics, 'commands'>
}

interface ToCourier {
  courier_id: string
  reason: string
  pin?: boolean
  onto?: Onto
  overrule?: boolean
}

export type OrderCommand =
  | ({ action: 'assign' | 'reassign'; order_id: string; version: number } & ToCourier)
  | { action: 'unassign' | 'pin' | 'unpin'; order_id: string; version: number; reason: string }
  | ({ action: 'move'; orders: readonly Seen[] } & ToCourier)
  | { action: 'undo'; orders: readonly Seen[]; reason: string }

interface Seen {
  order_id: string
  /** the version that the dispatcher saw */
  version: number
}

export interface CommandDone {
  orders: OrderView[]
}

/**
 * Of several on one version exactly one wins; the others get 409 with the row that stands, what changed and who changed it.
 * @throws HttpProblem 503 when a courier can not be looked up
 */
export async function command(
  effects: HandEffects,
  act: Act,
  idempotency_key: string | null,
  asked: OrderCommand,
): Promise<Answered<CommandDone>> {
  const { action, ...request } = asked
  const answer = await once<CommandDone>(
    effects.desk,
    act,
    { action: `order.${action}`, idempotency_key, request },
    (client, change) => run(effects, { client, change, act, asked, idempotency_key }),
  )
  const outcome = isRefused(answer) ? answer.refused.reason : answer.repeated ? 'repeated' : 'done'
  effects.metrics.commands.inc({ action, outcome })
  return answer
}

interface Running {
  client: Queryable
  change: Change
  act: Act
  asked: OrderCommand
  idempotency_key: string | null
}

async function run(effects: HandEffects, running: Running): Promise<{ done: CommandDone } | { refused: Refused }> {
  const { client, change, act, asked, idempotency_key } = running
  // Redis is asked before anything is locked.
  const courier = 'courier_id' in asked ? await courierOf(effects, act, asked.courier_id) : undefined
  if (courier && isRefused(courier)) return courier
  const seen = 'orders' in asked ? asked.orders : [asked]
  const orders = await lockSeen(client, act, seen)
  if (isRefused(orders)) return orders
  const hand = handOf(effects, { client, change, act }, orders)
  if (isRefused(hand)) return hand
  if (asked.action === 'undo') {
    const find = (courier_id: string) => courierOf(effects, act, courier_id)
    const undone = await undoAll(hand, orders, { ...asked, idempotency_key, find })
    return { done: { orders: undone.map(orderView) } }
  }
  const handed = await carryOut(hand, orders, asked, courier)
  if (isRefused(handed)) return handed
  const before = new Map(orders.map(order => [order.order_id, order]))
  for (const after of handed.orders) {
    const told = { ...asked, before: before.get(after.order_id), after, idempotency_key }
    await writeAudit(hand, told)
  }
  return { done: { orders: handed.orders.map(orderView) } }
}

async function carryOut(
  hand: Hand,
  orders: readonly OrderRow[],
  asked: Exclude<OrderCommand, { action: 'undo' }>,
  courier: CourierView | undefined,
): Promise<Handed> {
  const [order] = orders
  if (!order) return refuse(404, 'unknown_order', 'name an order')
  if (asked.action === 'assign' && order.courier_id !== null) {
    return conflict(order, 'already_assigned', `${order.courier_id} has it: reassign it`)
  }
  if ('courier_id' in asked) {
    if (!courier) throw new Error(`${asked.action} without a courier`)
    const { onto = 'new', pin = true, overrule = false, reason } = asked
    return give(hand, orders, { courier, onto, pin, overrule, reason })
  }
  if (asked.action === 'unassign') return takeBack(hand, order, asked)
  return setPinned(hand, order, asked.action === 'pin')
}

// ── What must hold ──────────────────────────────────────────────────────────────────────────────────────────────────

/** In the sequence of `seen`. */
async function lockSeen(
  client: Queryable,
  act: Act,
  seen: readonly Seen[],
): Promise<OrderRow[] | { refused: Refused }> {
  const ids = seen.map(one => one.order_id)
  if (new Set(ids).size < ids.length) throw new HttpProblem(400, 'order_twice', 'an order is named twice')
  const rows = new Map((await lockOrders(client, act.tenant_id, ids)).map(row => [row.order_id as string, row]))
  const orders: OrderRow[] = []
  for (const { order_id, version } of seen) {
    const order = rows.get(order_id)
    if (!order) return refuse(404, 'unknown_order', `there is no order ${order_id}`)
    if (order.version !== version) return changed(client, order, version)
    const refused = immovable(order)
    if (refused) return refused
    orders.push(order)
  }
  return orders
}

async function changed(client: Queryable, order: OrderRow, version: number): Promise<{ refused: Refused }> {
  const detail = `${order.order_id} is at version ${order.version}, you saw ${version}: look again`
  const { refused } = conflict(order, 'changed', detail)
  return { refused: { ...refused, changes: await changesSince(client, order, version) } }
}

function handOf(
  { network, silent_s_max }: HandEffects,
  work: Pick<Hand, 'client' | 'change' | 'act'>,
  orders: readonly OrderRow[],
): Hand | { refused: Refused } {
  const [first] = orders
  if (!first || orders.some(order => order.zone_id !== first.zone_id)) {
    return refuse(409, 'other_zone', 'the orders belong to different zones: move them apart')
  }
  const { zones, warehouses } = network()
  const policy = zones.get(first.zone_id)?.policy ?? DEFAULT_POLICY
  const { handover_s } = policy
  return {
    ...work,
    silent_s_max,
    way: { travel: greatCircle(policy), handover_s, pointOf: id => warehouses.get(id as WarehouseId)?.point },
  }
}

async function courierOf(
  effects: HandEffects,
  { tenant_id }: Act,
  courier_id: string,
): Promise<CourierView | { refused: Refused }> {
  const fleet = await liveFleet(effects)
  const found = fleet.find(one => one.courier_id === courier_id && one.tenant_id === tenant_id)
  return found ?? refuse(404, 'unknown_courier', `${courier_id} is not on shift`)
}

/** @throws HttpProblem 503 while Redis is away */
export async function liveFleet({ fleet }: Pick<HandEffects, 'fleet'>): Promise<CourierView[]> {
  try {
    return await fleet()
  } catch (error) {
    const detail = 'where the couriers are can not be read now: try again a little later'
    throw new HttpProblem(503, 'views_unreachable', detail, { retry_after_s: 1, cause: error })
  }
}
