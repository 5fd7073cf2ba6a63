import type { OrderView } from '../../../dispatch/contract.ts'
import { crowdAround } from '../crowds.ts'
import type { Place } from '../town.ts'
import { nearest } from '../trouble.ts'
import { busiest, ordersToReassign, orderToCancel, orderToShorten, tripToBreak } from './choose.ts'
import type { SceneName } from './script.ts'
import { type Act, aboutOrder, aboutWarehouse, announce, calledOut, mended, type Playing } from './stage.ts'

/** The scenes, one a function. Each acts as people out there would, and leaves to Waggle what follows from it. */

export const ACTS: Record<SceneName, Act> = {
  sold_out: soldOut,
  power_cut: powerCut,
  breakdown: breakDown,
  crowd: gatherCrowd,
  short_pick: breakGlass,
  cancel: thinkBetter,
  reassign: overrule,
}

/** What happens before a scene is due, wall s: people who want what is about to run out. */
export const LEAD_S: Partial<Record<SceneName, number>> = { sold_out: 8 }

// ── Something runs out, and goes on being wanted ────────────────────────────────────────────────────────────────────

const WANTED_BY = 16
const WANTED_FOR_S = 24
const VAN_AFTER_S = 60

async function soldOut(playing: Playing): Promise<string | undefined> {
  const { warehouses, clock, spawn, record, wait } = playing
  const { place, item } = whatRunsOut(playing)
  spawn(wantIt(playing, place, item.sku))
  await wait(LEAD_S.sold_out ?? 0)
  const what = item.name.toLowerCase()
  record.warehouse_ids.push(place.warehouse_id)
  record.order_ids.push(...waitingFor(playing, place, item.sku))
  const text = `The last ${what} at ${place.name} is gone, and everybody there wants some`
  await announce(playing, { text, tone: 'warn', ...aboutWarehouse(place) })
  await warehouses.runOut(place.warehouse_id, item.sku)
  const restock = async (): Promise<void> => {
    await wait(VAN_AFTER_S)
    await warehouses.deliver(place.warehouse_id, item.sku, `van-${record.round}-${clock.now()}`)
    await mended(playing, {
      text: `A van has brought ${what} to ${place.name}`,
      tone: 'good',
      ...aboutWarehouse(place),
    })
  }
  spawn(restock())
  return undefined
}

/** In the first round what the town is known for; later anything that sells well, anywhere. */
function whatRunsOut({ town, draw, record }: Playing) {
  const { items } = town.catalogue
  const known = record.round === 1 ? town.occasions?.sold_out : undefined
  const place = town.places.find(one => one.warehouse_id === known?.warehouse_id) ?? draw.pick(town.places)
  const item = items.find(one => one.sku === known?.sku) ?? draw.pick(items.slice(0, 12))
  return { place, item }
}

async function wantIt(playing: Playing, place: Place, sku: string): Promise<void> {
  const { seed, town, order, record, wait } = playing
  const { outOfTurn } = town
  if (!outOfTurn) return
  const name = `wanted${record.round}`
  const [, neighbour = place] = nearest(town.places, place.point)
  const around = { seed, name, towards: neighbour.point, people: WANTED_BY, span_s: WANTED_FOR_S }
  const { people } = crowdAround(place.point, around)
  const placed = people.map(async one => {
    await wait(one.after_s)
    const order_id = await order(outOfTurn.order(one.name, one.point, sku))
    if (order_id !== undefined) record.order_ids.push(order_id)
  })
  await Promise.all(placed)
}

const waitingFor = ({ orders, record }: Playing, { warehouse_id }: Place, sku: string): string[] =>
  orders()
    .filter(
      ({ state, lines, ...order }) =>
        state === 'routed' && order.warehouse_id === warehouse_id && lines.some(line => line.sku === sku),
    )
    .map(order => order.order_id)
    .filter(order_id => !record.order_ids.includes(order_id))

// ── A warehouse stands still ────────────────────────────────────────────────────────────────────────────────────────

const DARK_S = 60

async function powerCut(playing: Playing): Promise<string | undefined> {
  const { town, clock, doors, spawn, record, wait } = playing
  const elsewhere = town.places.filter(one => one.warehouse_id !== town.occasions?.sold_out.warehouse_id)
  const warehouse_id = busiest(
    playing.orders(),
    elsewhere.map(one => one.warehouse_id),
  )
  const place = elsewhere.find(one => one.warehouse_id === warehouse_id)
  if (!place) return 'there is no other warehouse'
  const waiting = playing
    .orders()
    .filter(order => order.state === 'routed' && order.warehouse_id === place.warehouse_id)
  const minutes = Math.round((DARK_S * clock.rate()) / 60)
  const text = `Power cut at ${place.name} for ${minutes} min: it finishes only the bags already begun`
  await announce(playing, { text, tone: 'bad', ...aboutWarehouse(place) })
  if (!(await doors.ops.setPaused(place.warehouse_id, true, 'power_cut'))) return `${place.name} could not be paused`
  record.warehouse_ids.push(place.warehouse_id)
  record.order_ids.push(...waiting.map(order => order.order_id))
  const light = async (): Promise<void> => {
    await wait(DARK_S)
    await doors.ops.setPaused(place.warehouse_id, false, 'power_is_back')
    await mended(playing)
  }
  spawn(light())
  return undefined
}

// ── A courier cannot go on ──────────────────────────────────────────────────────────────────────────────────────────

/** business s: so much way to the warehouse must be left */
const AHEAD_S = 60

async function breakDown(playing: Playing): Promise<string | undefined> {
  const { clock, couriers, trouble, draw, town, spawn, record } = playing
  const seen = couriers.seen()
  const standing = new Set(seen.filter(one => one.broken).map(one => one.courier_id))
  const trip = tripToBreak(playing.trips(), { now: clock.now(), ahead_s: AHEAD_S, standing }, draw)
  if (!trip) return 'nobody was on the way to a warehouse with a minute to go'
  const { courier_id } = trip
  const point = seen.find(one => one.courier_id === courier_id)?.point
  const place = town.places.find(one => one.warehouse_id === trip.warehouse_id)
  const text = `Courier ${courier_id} has a flat tyre on the way to ${place?.name ?? trip.warehouse_id}`
  await announce(playing, { text, tone: 'bad', courier_id, ...(point && { point }) })
  const broken = await trouble.breakDown(courier_id)
  if ('impossible' in broken) return broken.detail
  record.courier_ids.push(courier_id)
  record.order_ids.push(...broken.order_ids)
  const back = async (): Promise<void> => {
    await clock.until(broken.back_at)
    await mended(playing, { text: `Courier ${courier_id} is back on the road`, tone: 'good', courier_id })
  }
  spawn(back())
  return undefined
}

// ── A crowd ─────────────────────────────────────────────────────────────────────────────────────────────────────────

async function gatherCrowd(playing: Playing): Promise<string | undefined> {
  const { trouble, town, draw, clock, spawn, record } = playing
  const known = town.occasions?.crowds ?? []
  const where = known[(record.round - 1) % Math.max(1, known.length)] ?? draw.pick(town.places)
  const surge = trouble.surge(where.point)
  if ('impossible' in surge) return surge.detail
  record.warehouse_ids.push(...surge.warehouse_ids)
  const text = `A crowd leaves ${where.name}: ${surge.orders} people around it order at once`
  await announce(playing, { text, tone: 'warn', point: where.point })
  const over = async (): Promise<void> => {
    record.order_ids.push(...(await surge.ordered))
    await clock.until(surge.calm_at)
    await mended(playing, { text: `The crowd around ${where.name} has gone home`, tone: 'good', point: where.point })
  }
  spawn(over())
  return undefined
}

// ── One order ───────────────────────────────────────────────────────────────────────────────────────────────────────

async function breakGlass(playing: Playing): Promise<string | undefined> {
  const { warehouses, town, draw, record } = playing
  const order = orderToShorten(playing.orders(), draw)
  const spoilt = order && warehouses.spoil(order.order_id)
  if (!spoilt) return 'no bag was being filled'
  const name = town.catalogue.items.find(item => item.sku === spoilt.sku)?.name.toLowerCase() ?? spoilt.sku
  const place = town.places.find(one => one.warehouse_id === order.warehouse_id)
  const text = `A bag tears at ${place?.name ?? order.warehouse_id}: order ${calledOut(order.order_id)} loses its ${name}`
  await announce(playing, { text, tone: 'warn', order_id: order.order_id, point: place?.point ?? order.point })
  if (!(await spoilt.found)) return 'the order was taken away from the picker'
  record.order_ids.push(order.order_id)
  await mended(playing)
  return undefined
}

const REASON = 'takes_too_long'

async function thinkBetter(playing: Playing): Promise<string | undefined> {
  const { doors, town, draw, record, wait } = playing
  const order = orderToCancel(playing.orders(), draw)
  if (!order) return 'no order was open that could be cancelled'
  const { order_id, point } = order
  const near = nearest(town.places, point)[0]?.name
  const text = `Somebody near ${near} does not want to wait any longer for order ${calledOut(order_id)}`
  await announce(playing, { text, tone: 'plain', ...aboutOrder(order) })
  if (!(await doors.cancelOrder(order_id, REASON, doors.customerOf(order_id) ?? 'somebody'))) return 'it was too late'
  for (let looks = 0; looks < 10; looks++) {
    if ((await doors.order(order_id))?.state === 'cancelled') {
      record.order_ids.push(order_id)
      await mended(playing)
      return undefined
    }
    await wait(0.5)
  }
  return 'it was on the way already'
}

const DISPATCHER = 'dispatcher:ann'
const TRIES = 6

/** Somebody else's hand may be quicker (409): then another order. */
async function overrule(playing: Playing): Promise<string | undefined> {
  const { draw } = playing
  let announced = false
  for (const order of ordersToReassign(playing.orders(), playing.trips(), draw).slice(0, TRIES)) {
    const to = await betterCourier(playing, order)
    if (to === undefined) continue
    if (!announced) await announce(playing, stepsIn(order))
    announced = true
    if (await reassigned(playing, order, to)) return undefined
  }
  return 'nobody else was free for any order that could be moved'
}

const stepsIn = (order: OrderView) => ({
  ...{
    text: 'Dispatcher Ann overrules the plan by hand: another courier is closer to this order',
    tone: 'plain' as const,
  },
  ...aboutOrder(order),
})

async function betterCourier({ doors }: Playing, { order_id, courier_id }: OrderView): Promise<string | undefined> {
  const choices = await doors.ops.choices(order_id, DISPATCHER)
  return choices?.best.find(one => one.courier_id !== courier_id && one.free && one.onto === 'new')?.courier_id
}

async function reassigned(playing: Playing, order: OrderView, courier_id: string): Promise<boolean> {
  const { doors, record } = playing
  const now = await doors.order(order.order_id)
  const done = now && (await doors.ops.reassign(now, { courier_id, reason: 'closer' }, DISPATCHER))
  if (done === undefined) return false
  record.order_ids.push(order.order_id)
  record.courier_ids.push(...[order.courier_id, courier_id].filter(id => id !== null))
  await mended(playing)
  return true
}
