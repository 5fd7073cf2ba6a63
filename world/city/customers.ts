import type { PlaceOrder } from '../../dispatch/contract.ts'
import type { LineId, Point, Requirement } from '../../ingest/events/envelope.ts'
import { CATALOGUE, type Item, wantedItem } from './catalogue.ts'
import { CUSTOMERS, customerOf, demandAt } from './chicago.ts'
import type { CityClock } from './clock.ts'
import type { Doors } from './doors.ts'
import { type Draws, draws } from './random.ts'
import type { PlannedOrder, Town } from './town.ts'

/** People who order, and sometimes think better of it. */

const CANCEL_SHARE = 0.04
const CANCEL_REASONS = ['changed_my_mind', 'ordered_by_mistake', 'takes_too_long'] as const

/**
 * The n-th order of an evening: the same for the same seed, whatever happened before.
 * @param run goes before the number in external_id, so that two evenings on the same books stay apart
 */
export function plannedOrder(seed: number, number: number, run: string): Omit<PlannedOrder, 'due_ms'> {
  const draw = draws(seed, 'order', number)
  const customer = customerOf(seed, draw.whole(1, CUSTOMERS))
  const { customer_ref, name, point } = customer
  const order: PlaceOrder = {
    ...{ external_id: `${run}-${number}`, customer_ref, contact: { name }, point },
    ...bagged(bagOf(draw), draw),
    ...(draw.chance(0.1) ? { on_shortfall: 'reject' as const } : {}),
  }
  const cancel = draw.chance(CANCEL_SHARE)
    ? { after_s: Math.round(20 + draw.exponential(240)), reason: cancelReason(seed, order) }
    : undefined
  return { customer_ref: customer.customer_ref, order, cancel }
}

/** Somebody at this point, because something has happened. @param sku is in the bag */
export function orderOutOfTurn(
  seed: number,
  run: string,
  name: string,
  point: Point,
  sku?: string,
): Omit<PlannedOrder, 'due_ms'> {
  const draw = draws(seed, 'out_of_turn', name)
  const wanted = CATALOGUE.find(item => item.sku === sku)
  const items = bagOf(draw).filter(item => item !== wanted)
  const customer_ref = `guest-${name}`
  const order: PlaceOrder = {
    ...{ external_id: `${run}-${name}`, customer_ref, point },
    ...bagged(wanted ? [wanted, ...items.slice(0, 2)] : items, draw),
  }
  return { customer_ref, order, cancel: undefined }
}

function bagged(items: readonly Item[], draw: Draws): Pick<PlaceOrder, 'lines' | 'requires'> {
  const requires = [...new Set(items.flatMap(item => item.requires ?? []))].sort() as Requirement[]
  const lines = items.map((item, i) => ({
    line_id: `l${i + 1}` as LineId,
    sku: item.sku,
    quantity: quantityOf(item, draw),
    unit: item.unit,
    unit_price: { amount: item.price_cents, currency: 'USD' },
  }))
  return { lines, ...(requires.length > 0 && { requires }) }
}

const cancelReason = (seed: number, { external_id }: PlaceOrder): string =>
  draws(seed, 'cancel', external_id).pick(CANCEL_REASONS)

/** Business ms between this order and the one before: a Poisson stream whose rate follows the evening. */
export function gapMs(seed: number, number: number, orders_per_min: number, minutes_since_start: number): number {
  const per_min = orders_per_min * demandAt(minutes_since_start)
  return (draws(seed, 'gap', number).exponential(1) / per_min) * 60_000
}

/** One to six different things. */
function bagOf(draw: Draws): Item[] {
  const size = [1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 5, 6][draw.whole(0, 11)] ?? 3
  const bag = new Map<string, Item>()
  for (let tries = 0; bag.size < size && tries < 60; tries++) {
    const item = wantedItem(draw.uniform())
    bag.set(item.sku, item)
  }
  return [...bag.values()]
}

function quantityOf(item: Item, draw: Draws): number {
  if (item.unit === 'g') return draw.whole(2, 6) * item.step
  const u = draw.uniform()
  return u < 0.7 ? 1 : u < 0.9 ? 2 : u < 0.97 ? 3 : draw.whole(4, 6)
}

// ── In motion ───────────────────────────────────────────────────────────────────────────────────────────────────────

export interface CustomersTally {
  /** every order that Waggle said yes, no or "later" to: its order_id */
  acknowledged: string[]
  refused: number
  cancels_asked: number
  cancels_taken: number
}

export interface CustomersOptions {
  town: Pick<Town, 'order'>
  /** business ms */
  beginning: number
  clock: CityClock
  doors: Pick<Doors, 'placeOrder' | 'cancelOrder'>
  /** whatever runs beside the loop: its failure ends the city */
  spawn: (work: Promise<void>) => void
}

/** When so many answers are missing, people stop trying until some have come: the city waits, it never invents. */
const ANSWERS_MISSING_MAX = 100

export async function runCustomers(options: CustomersOptions, tally: CustomersTally): Promise<void> {
  const { town, clock, beginning } = options
  const missing = new Set<Promise<void>>()
  let plan = town.order(1, clock.now() - beginning)
  for (let number = 2; plan !== undefined; number++) {
    await clock.until(beginning + plan.due_ms)
    if (missing.size >= ANSWERS_MISSING_MAX) await Promise.race(missing)
    const one = orderOnce(options, tally, { ...plan, order: atItsHour(plan, beginning) })
      .then(() => {})
      .finally(() => missing.delete(one))
    missing.add(one)
    options.spawn(one)
    plan = town.order(number, plan.due_ms)
  }
}

/** @returns the order's id; undefined: Waggle refused to take it */
export async function orderOnce(
  options: Pick<CustomersOptions, 'clock' | 'doors' | 'spawn'>,
  tally: CustomersTally,
  plan: Omit<PlannedOrder, 'due_ms'>,
): Promise<string | undefined> {
  const { customer_ref, order, cancel } = plan
  const answer = await options.doors.placeOrder(order, customer_ref)
  if (answer === undefined) {
    tally.refused++
    return undefined
  }
  tally.acknowledged.push(answer.order_id)
  if (cancel !== undefined && answer.state !== 'rejected') {
    options.spawn(cancelLater(options, tally, answer.order_id, { customer_ref, ...cancel }))
  }
  return answer.order_id
}

function atItsHour({ order, window }: PlannedOrder, beginning: number): PlaceOrder {
  if (window === undefined) return order
  const at = (since_ms: number): number => Math.round(beginning + since_ms)
  return { ...order, deliver_between: { from: at(window.from_ms), to: at(window.to_ms) } }
}

async function cancelLater(
  { clock, doors }: Pick<CustomersOptions, 'clock' | 'doors'>,
  tally: CustomersTally,
  order_id: string,
  { customer_ref, after_s, reason }: { customer_ref: string; after_s: number; reason: string },
): Promise<void> {
  await clock.sleep(after_s)
  tally.cancels_asked++
  if (await doors.cancelOrder(order_id, reason, customer_ref)) tally.cancels_taken++
}
