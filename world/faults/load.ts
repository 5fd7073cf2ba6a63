import { randomUUIDv7 } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { OrderView, PlaceOrder } from '../../dispatch/contract.ts'
import type { EventDraft } from '../../ingest/contract.ts'
import type { Sku } from '../../ingest/events/envelope.ts'
import { cellOf } from '../../ingest/events/geo.ts'
import { kafkaClient } from '../../ingest/io/kafka.ts'
import { DEVELOPMENT_KEY } from '../../ingest/io/keys.ts'
import { openProducer } from '../../ingest/io/producer.ts'
import { CityStopped } from '../city/call.ts'
import { type Draws, draws } from '../city/random.ts'
import { type Doors, openDoors } from './doors.ts'
import { makePlaces, near, type Place, SKUS, STOCK_AT_FIRST } from './places.ts'
import { emptyRecord, type LoadRecord } from './record.ts'
import type { Stage } from './stage.ts'

/**
 * A steady, seeded load through the public doors: orders that are cancelled, picked, cut short, packed and put back; holds;
 * goods that come, go and are counted; couriers who move. It does not slow down for faults until very much is unanswered.
 *
 * The seed says what is asked for; when it is asked, and so what is answered, is up to the machine.
 */
export interface Load {
  record: LoadRecord
  /** wall ms (performance.now) at which the newest order was sent that has been answered with a decision */
  decided_at(): number
  open(): number
  retries(): number
  /** A tenth of everything, or all of it again: as callers hold back from a service that is not well. */
  ease(less: boolean): void
  /** No new orders; resolves when all that was begun has ended, or the time is up: then what has no answer is let go. */
  end(timeout_ms: number): Promise<{ unanswered: number }>
}

export interface LoadOptions {
  stage: Stage
  seed: number
  orders_per_s: number
  zones: number
}

const BEAT_MS = 100
/** s of orders that may be without an answer; beyond it the services are left to catch up. */
const OPEN_S_MAX = 4
/** Of goods against orders: a little less comes than is wanted, so that some are refused. */
const STOCK_EVENTS_AN_ORDER = 0.35
const COURIER_MOVES_PER_S = 1
/** Packed orders that nobody cancels stay work for the couriers' solver: few. */
const LEFT_PACKED_MAX = 30

const EASED_SHARE = 0.1

interface Town {
  /** of the load */
  share: number
  places: Place[]
  doors: Doors
  seed: number
  left_packed: number
  decided_at: number
}

export async function openLoad({ stage, seed, orders_per_s, zones }: LoadOptions): Promise<Load> {
  const record = emptyRecord()
  const stop = new AbortController()
  const kafka = kafkaClient({ brokers: stage.proxied.kafka_brokers.split(','), client_id: 'faults' })
  const producer = await openProducer(kafka)
  const urls = { ingest_url: stage.url('ingest'), dispatch_url: stage.url('dispatch') }
  const { namespace } = stage
  const doors = openDoors({ ...urls, key: DEVELOPMENT_KEY, namespace, producer, record, stop: stop.signal })
  const town: Town = { places: makePlaces(zones), doors, seed, share: 1, left_packed: 0, decided_at: 0 }
  await build(town)
  const lives = new Set<Promise<void>>()
  const begin = (work: Promise<void>): void => {
    const life = work.catch(error => {
      if (!(error instanceof CityStopped)) throw error
    })
    lives.add(life)
    void life.finally(() => lives.delete(life))
  }
  const beat = startBeat(town, record, orders_per_s, begin)
  return {
    record,
    decided_at: () => town.decided_at,
    open: () => lives.size,
    retries: doors.retries,
    ease: less => {
      town.share = less ? EASED_SHARE : 1
    },
    async end(timeout_ms) {
      clearInterval(beat)
      const until = performance.now() + timeout_ms
      while (lives.size > 0 && performance.now() < until) await delay(50)
      const unanswered = lives.size
      stop.abort()
      await Promise.all(lives)
      await Promise.race([producer.close(), delay(5_000)])
      return { unanswered }
    },
  }
}

function startBeat(
  town: Town,
  record: LoadRecord,
  orders_per_s: number,
  begin: (work: Promise<void>) => void,
): NodeJS.Timeout {
  const began = performance.now()
  const open_max = Math.max(50, OPEN_S_MAX * orders_per_s)
  let orders = 0
  let beats = 0
  return setInterval(() => {
    beats++
    const due = Math.floor(((performance.now() - began) / 1_000) * orders_per_s)
    for (; orders < due; orders++) {
      if (town.doors.open() >= open_max) record.held_back++
      else begin(orderLife(town, orders))
    }
    if (town.doors.open() >= open_max) return
    begin(moveGoods(town, beats, Math.round((orders_per_s * town.share * STOCK_EVENTS_AN_ORDER * BEAT_MS) / 1_000)))
    if (beats % Math.round(1_000 / BEAT_MS / COURIER_MOVES_PER_S) === 0) begin(moveCouriers(town, beats))
    if (beats % 5 === 0) begin(holdLife(town, beats))
    if (beats % 150 === 75) begin(pauseOne(town, beats))
  }, BEAT_MS)
}

// ── The beginning ───────────────────────────────────────────────────────────────────────────────────────────────────

const event = (type: string, data: object): EventDraft => ({
  event_id: randomUUIDv7(),
  type,
  data,
  occurred_at: Date.now(),
  source: 'faults',
})

async function build({ places, doors }: Town): Promise<void> {
  for (const { zone_id, cells, warehouses, courier_ids, center } of places) {
    await doors.put('zones', zone_id, { name: zone_id, time_zone: 'America/Chicago', cells })
    for (const { warehouse_id, point } of warehouses) {
      const work = { radius_m: 10_000, pickers: 1_000, pick_s_per_line: 1, pack_s: 5 }
      const named = { zone_id, name: warehouse_id, point, time_zone: 'America/Chicago' }
      await doors.put('warehouses', warehouse_id, { ...named, ...work })
      await doors.send(
        SKUS.map(sku => event('stock.received', { warehouse_id, sku, unit: 'each', quantity: STOCK_AT_FIRST })),
      )
    }
    const shift = { point: center, vehicle: 'bicycle', capacity: 2, has: [] }
    await doors.send(courier_ids.map(courier_id => event('shift.started', { courier_id, ...shift })))
  }
}

// ── Orders ──────────────────────────────────────────────────────────────────────────────────────────────────────────

async function orderLife(town: Town, number: number): Promise<void> {
  const draw = draws(town.seed, 'order', number)
  const place = draw.pick(town.places)
  const lines = linesOf(draw)
  const sent_at = performance.now()
  const placed = await town.doors.place({
    external_id: `o-${town.seed}-${number}`,
    point: near(place, draw),
    lines,
    split: draw.chance(0.3),
    on_shortfall: draw.pick(['shorten', 'reject'] as const),
  })
  if (placed === undefined) return
  if (placed.decided) town.decided_at = Math.max(town.decided_at, sent_at)
  if (placed.state === 'rejected') return
  const { order_id } = placed
  const fate = draw.uniform()
  await delay(draw.between(300, 3_000))
  if (fate < 0.1) await delay(10_000)
  if (fate < 0.35) return town.doors.cancel(order_id)
  await pick(town, order_id, draw)
}

/** One to three different goods. */
function linesOf(draw: Draws): PlaceOrder['lines'] {
  const skus = new Set(Array.from({ length: draw.whole(1, 3) }, () => draw.pick(SKUS)))
  return [...skus].map(sku => ({ sku: sku as Sku, quantity: draw.whole(1, 3) }))
}

async function pick(town: Town, order_id: string, draw: Draws): Promise<void> {
  const { doors } = town
  const order = await doors.order(order_id)
  if (order?.state !== 'routed' || order.fulfilment_id === null || order.warehouse_id === null) {
    return doors.cancel(order_id)
  }
  const part = { order_id, fulfilment_id: order.fulfilment_id, warehouse_id: order.warehouse_id }
  await doors.send([event('pick.started', part)])
  await delay(draw.between(100, 1_500))
  await doors.send(order.lines.map(line => pickLine(part, line, draw)))
  await delay(draw.between(100, 500))
  await doors.send([event('order.packed', { ...part, bags: 1 })])
  if (draw.chance(0.05) && town.left_packed++ < LEFT_PACKED_MAX) return
  await delay(draw.between(100, 1_500))
  await doors.cancel(order_id)
  await doors.send(order.lines.map(line => putBack(part, line, draw)))
}

type Line = OrderView['lines'][number]
type Part = { order_id: string; fulfilment_id: string; warehouse_id: string }

function pickLine(part: Part, { line_id, quantity }: Line, draw: Draws): EventDraft {
  if (draw.chance(0.04)) return event('line.short', { ...part, line_id, quantity })
  if (draw.chance(0.04)) {
    return event('line.substituted', { ...part, line_id, substitute_sku: draw.pick(SKUS), quantity })
  }
  return event('line.picked', { ...part, line_id, quantity })
}

function putBack({ warehouse_id, order_id }: Part, { sku, unit, quantity }: Line, draw: Draws): EventDraft {
  const condition = draw.chance(0.9) ? 'sellable' : 'waste'
  return event('stock.put_back', { warehouse_id, sku, unit, quantity, condition, order_id })
}

// ── Holds ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Asked for, then confirmed, released or left to end; a confirmed one is cancelled later as an order. */
async function holdLife({ places, doors, seed }: Town, number: number): Promise<void> {
  const draw = draws(seed, 'hold', number)
  const place = draw.pick(places)
  const { zone_id } = place
  const point = near(place, draw)
  const hold_id = `h-${seed}-${number}`
  const lines = linesOf(draw).map((line, n) => ({ ...line, line_id: `l${n + 1}`, unit: 'each' }))
  const wish = { point, cell: cellOf(point), lines }
  await doors.publish(zone_id, 'hold.asked', { hold_id, ...wish, ttl_s: draw.whole(6, 20) })
  await delay(draw.between(300, 6_000))
  const fate = draw.uniform()
  if (fate < 0.2) return
  if (fate < 0.4) return doors.publish(zone_id, 'hold.released', { hold_id, reason: 'changed_mind' })
  const order_id = `order-of-${hold_id}`
  const order = { order_id, customer_ref: 'faults', ...wish }
  await doors.publish(zone_id, 'hold.confirmed', { hold_id, order })
  await delay(draw.between(500, 3_000))
  await doors.publish(zone_id, 'order.cancel_asked', { order_id, reason: 'changed_mind' })
}

// ── Goods, warehouses, couriers ─────────────────────────────────────────────────────────────────────────────────────

async function moveGoods({ places, doors, seed }: Town, beat: number, count: number): Promise<void> {
  if (count === 0) return
  const draw = draws(seed, 'goods', beat)
  const drafts = Array.from({ length: count }, () => {
    const { warehouse_id } = draw.pick(draw.pick(places).warehouses)
    const at = { warehouse_id, sku: draw.pick(SKUS), unit: 'each' }
    const kind = draw.uniform()
    if (kind < 0.75) return event('stock.received', { ...at, quantity: draw.whole(1, 6) })
    if (kind < 0.9) return event('stock.adjusted', { ...at, delta: draw.pick([-4, -2, -1, 1, 2]), reason: 'found' })
    const as_of = Date.now() - draw.whole(0, 5_000)
    return event('stock.counted', { ...at, quantity: draw.whole(0, 60), as_of, safety: draw.whole(0, 2) })
  })
  await doors.send(drafts)
}

async function pauseOne({ places, doors, seed }: Town, beat: number): Promise<void> {
  const draw = draws(seed, 'pause', beat)
  const { zone_id, warehouses } = draw.pick(places)
  const { warehouse_id } = draw.pick(warehouses)
  await doors.publish(zone_id, 'warehouse.paused', { warehouse_id, reason: 'too_busy' })
  await delay(draw.between(1_000, 4_000))
  await doors.publish(zone_id, 'warehouse.resumed', { warehouse_id })
}

async function moveCouriers({ places, doors, seed }: Town, beat: number): Promise<void> {
  const draw = draws(seed, 'couriers', beat)
  const drafts = places.flatMap(place =>
    place.courier_ids.map(courier_id => event('courier.moved', { courier_id, point: near(place, draw) })),
  )
  await doors.send(drafts)
}
