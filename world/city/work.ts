import { setTimeout as delay } from 'node:timers/promises'
import { createParser, type EventSourceMessage } from 'eventsource-parser'
import type { MoveView, OrderView, TripView, WorkSnapshot } from '../../dispatch/contract.ts'

/**
 * What the city hears from Waggle: `GET /v1/work/stream`, read as a partner's or a courier's app would. Rows are absolute and
 * carry a version, so the highest is kept, and after a cut the next snapshot mends everything.
 */
export interface Work {
  order(order_id: string): OrderView | undefined
  trip(trip_id: string): TripView | undefined
  open_orders(): number
  /** all that are open */
  orders(): OrderView[]
  trips(): TripView[]
  /** Resolves with the first snapshot. */
  ready: Promise<void>
  /** how often the stream had to be opened again */
  reconnects(): number
}

export interface WorkListener {
  /** a row that is new, or newer than what was known */
  onOrder(order: OrderView): void
  onTrip(trip: TripView): void
  onMove(move: MoveView): void
  /** An order or a trip that was open before the cut and is not in the snapshot: its end was missed. */
  onOrderGone(order_id: string): void
  onTripGone(trip: TripView): void
}

export interface WorkOptions {
  url: string
  key: string
  stop: AbortSignal
  listener: WorkListener
}

/** dispatch pings more often; silence for longer means that the connection is dead without a word. */
const SILENCE_MS_MAX = 15_000
const RETRY_MS = 300

export function followWork(options: WorkOptions): Work {
  const book = openBook(options.listener)
  const first = Promise.withResolvers<void>()
  let connections = 0
  const follow = async (): Promise<void> => {
    while (!options.stop.aborted) {
      connections++
      await readOnce(options, message => {
        book.take(message)
        if (message.event === 'snapshot') first.resolve()
      }).catch(() => {}) // cut, refused or silent: the next snapshot mends it
      await delay(RETRY_MS, undefined, { signal: options.stop }).catch(() => {})
    }
  }
  void follow()
  return {
    order: order_id => book.orders.get(order_id),
    trip: trip_id => book.trips.get(trip_id),
    open_orders: () => book.orders.size,
    orders: () => [...book.orders.values()],
    trips: () => [...book.trips.values()],
    ready: first.promise,
    reconnects: () => Math.max(0, connections - 1),
  }
}

async function readOnce(options: WorkOptions, onMessage: (message: EventSourceMessage) => void): Promise<void> {
  const silence = new AbortController()
  let timer = setTimeout(() => silence.abort(), SILENCE_MS_MAX)
  try {
    const response = await fetch(options.url, {
      headers: { authorization: `Bearer ${options.key}`, accept: 'text/event-stream' },
      signal: AbortSignal.any([options.stop, silence.signal]),
    })
    if (!response.ok || response.body === null) return
    const parser = createParser({ onEvent: onMessage })
    for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
      clearTimeout(timer)
      timer = setTimeout(() => silence.abort(), SILENCE_MS_MAX)
      parser.feed(text)
    }
  } finally {
    clearTimeout(timer)
  }
}

// ── What is known ───────────────────────────────────────────────────────────────────────────────────────────────────

const CLOSED_ORDERS: ReadonlySet<string> = new Set(['delivered', 'failed', 'rejected', 'cancelled'])
const CLOSED_TRIPS: ReadonlySet<string> = new Set(['done', 'cancelled'])

const VERSIONS_KEPT = 50_000

export interface WorkBook {
  orders: Map<string, OrderView>
  trips: Map<string, TripView>
  take(message: { event?: string | undefined; data: string }): void
}

/** Open rows only: what is closed is told once and forgotten. */
export function openBook(listener: WorkListener): WorkBook {
  const orders = new Map<string, OrderView>()
  const trips = new Map<string, TripView>()
  const versions = new Map<string, number>()

  const isNew = (id: string, version: number): boolean => {
    if ((versions.get(id) ?? -1) >= version) return false
    versions.delete(id) // to the end of the line: the ones not heard of for longest are forgotten first
    versions.set(id, version)
    if (versions.size > VERSIONS_KEPT) versions.delete(versions.keys().next().value ?? '')
    return true
  }
  const takeOrder = (order: OrderView): void => {
    if (!isNew(order.order_id, order.version)) return
    if (CLOSED_ORDERS.has(order.state)) orders.delete(order.order_id)
    else orders.set(order.order_id, order)
    listener.onOrder(order)
  }
  const takeTrip = (trip: TripView): void => {
    if (!isNew(trip.trip_id, trip.version)) return
    if (CLOSED_TRIPS.has(trip.state)) trips.delete(trip.trip_id)
    else trips.set(trip.trip_id, trip)
    listener.onTrip(trip)
  }
  const takeMove = (move: MoveView): void => {
    if (isNew(`${move.courier_id}/move/${move.asked_at}`, move.version)) listener.onMove(move)
  }
  const takeSnapshot = (snapshot: WorkSnapshot): void => {
    const open_orders = new Set<string>(snapshot.orders.map(order => order.order_id))
    const open_trips = new Set<string>(snapshot.trips.map(trip => trip.trip_id))
    const gone_orders = [...orders.keys()].filter(order_id => !open_orders.has(order_id))
    const gone_trips = [...trips.values()].filter(trip => !open_trips.has(trip.trip_id))
    for (const order_id of gone_orders) orders.delete(order_id)
    for (const trip of gone_trips) trips.delete(trip.trip_id)
    for (const order of snapshot.orders) takeOrder(order)
    for (const trip of snapshot.trips) takeTrip(trip)
    for (const move of snapshot.moves) takeMove(move)
    for (const order_id of gone_orders) listener.onOrderGone(order_id)
    for (const trip of gone_trips) listener.onTripGone(trip)
  }
  return {
    orders,
    trips,
    take({ event, data }) {
      if (event === 'snapshot') takeSnapshot(JSON.parse(data) as WorkSnapshot)
      else if (event === 'order') takeOrder(JSON.parse(data) as OrderView)
      else if (event === 'trip') takeTrip(JSON.parse(data) as TripView)
      else if (event === 'move') takeMove(JSON.parse(data) as MoveView)
    },
  }
}
