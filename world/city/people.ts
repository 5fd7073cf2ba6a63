import { setTimeout as delay } from 'node:timers/promises'
import type { OrderView } from '../../dispatch/contract.ts'
import type { CityOptions } from './city.ts'
import type { CityClock } from './clock.ts'
import { type Couriers, type CouriersTally, openCouriers } from './couriers.ts'
import { type CustomersTally, orderOnce, runCustomers } from './customers.ts'
import type { Doors } from './doors.ts'
import { sayRecorded } from './recorded_words.ts'
import { playScenes, type Scenes } from './scenes/play.ts'
import type { WarehousesTally } from './shelves.ts'
import { toldTrouble } from './told_trouble.ts'
import { openTrouble, type Trouble } from './trouble.ts'
import { openWarehouses } from './warehouses.ts'
import { followWork, type Work, type WorkListener } from './work.ts'

/** Everybody in the city, and what each of them hears. */

export interface Stage {
  clock: CityClock
  /** business ms; known once the hour is set */
  beginning: () => number
  doors: Doors
  /** runs beside everything else; its failure ends the city */
  spawn: (work: Promise<void>) => void
  onFailure: (error: unknown) => void
  stop: AbortSignal
}

export interface PeopleReport {
  customers: CustomersTally
  warehouses: WarehousesTally
  couriers: CouriersTally
  stream_reconnects: number
}

export interface People {
  /** Shelves are counted, shifts begin, and the stream of work has been heard once. */
  arrive(): Promise<void>
  start(): void
  /** resolves when the last order has come and nobody can do any more about those that are open */
  over: Promise<void>
  /** No more positions. */
  pause(): void
  report(): PeopleReport
  /** of people who have arrived */
  trouble(): Trouble
  /** The same, noted down by whoever sees it happen. */
  told(trouble: Trouble): Trouble
  /** The evening's scenes begin now. */
  play(trouble: Trouble): Scenes
}

const POSITIONS_EVERY_MS = 1_000
/** How often somebody looks whether anything is left to do, business s. */
const LOOK_AROUND_S = 30

export function openPeople(options: CityOptions, stage: Stage): People {
  const { seed, town, key, dispatch_url } = options
  const pace = options.scenes?.pace ?? 1
  const { clock, doors, spawn, stop } = stage
  const customers: CustomersTally = { acknowledged: [], refused: 0, cancels_asked: 0, cancels_taken: 0 }
  const warehouses = openWarehouses({ ...stage, seed, town })
  let couriers: Couriers | undefined
  let work: Work | undefined
  let paused = false
  const over = Promise.withResolvers<void>()

  const listener: WorkListener = {
    onOrder: order => warehouses.onOrder(order),
    onTrip: trip => couriers?.onTrip(trip),
    onMove: move => couriers?.onMove(move),
    onOrderGone: order_id => spawn(missedEnd(doors, order_id, order => warehouses.onOrder(order))),
    onTripGone: trip => couriers?.onTrip({ ...trip, state: 'cancelled' }),
  }
  return {
    over: over.promise,
    async arrive() {
      couriers = openCouriers({
        ...stage,
        seed,
        town,
        tripOf: trip_id => work?.trip(trip_id),
        trips: () => work?.trips() ?? [],
        orderOf: order_id => work?.order(order_id),
        takeBack: warehouses.takeBack,
      })
      await Promise.all([warehouses.countAll(), couriers.startShifts()])
      work = followWork({ url: `${dispatch_url}/v1/work/stream`, key, stop, listener })
      await work.ready
    },
    start() {
      warehouses.open()
      spawn(sayRecorded({ town, beginning: stage.beginning(), clock, doors, warehouses, spawn }))
      const ordering = runCustomers({ town, beginning: stage.beginning(), clock, doors, spawn }, customers)
      spawn(ordering.then(() => untilIdle(clock, work, couriers)).then(over.resolve))
      if (couriers) spawn(reportPositions(couriers, doors, () => paused || stop.aborted))
    },
    trouble() {
      if (!couriers) throw new Error('nobody has arrived yet')
      return openTrouble({ ...stage, seed, town, couriers, order: plan => orderOnce(stage, customers, plan) })
    },
    told: trouble => toldTrouble(trouble, { ...stage, town, seen: () => couriers?.seen() ?? [] }),
    play(trouble) {
      const began = performance.now()
      return playScenes({
        ...stage,
        ...{ seed, town, trouble, warehouses },
        couriers: { seen: () => couriers?.seen() ?? [] },
        orders: () => work?.orders() ?? [],
        trips: () => work?.trips() ?? [],
        order: plan => orderOnce(stage, customers, plan),
        wait: wall_s => clock.sleep(wall_s * pace * clock.rate()),
        since_s: () => (performance.now() - began) / (1_000 * pace),
      })
    },
    pause() {
      paused = true
    },
    report: () => ({
      customers,
      warehouses: warehouses.tally,
      couriers: couriers?.tally ?? NO_COURIERS,
      stream_reconnects: work?.reconnects() ?? 0,
    }),
  }
}

/** Nothing is open any more, or everybody who could have brought it has gone home. */
async function untilIdle(clock: CityClock, work: Work | undefined, couriers: Couriers | undefined): Promise<void> {
  do await clock.sleep(LOOK_AROUND_S)
  while ((work?.open_orders() ?? 0) > 0 && couriers?.allGone() === false)
}

const NO_COURIERS: CouriersTally = {
  accepted: 0,
  declined: 0,
  delivered: 0,
  failed: 0,
  aborted: 0,
  moves: 0,
  positions: 0,
}

/** The order ended while the stream was cut: its last row tells how. */
async function missedEnd(doors: Doors, order_id: string, tell: (order: OrderView) => void): Promise<void> {
  const order = await doors.order(order_id)
  if (order !== undefined) tell(order)
}

/**
 * The whole fleet each wall second, in one request. While an answer is missing nobody sends more: a newer position is worth more
 * than a queue of old ones.
 */
async function reportPositions(couriers: Couriers, doors: Doors, isOver: () => boolean): Promise<void> {
  for (let next = performance.now(); !isOver(); ) {
    next = Math.max(next + POSITIONS_EVERY_MS, performance.now())
    await doors.sendEvents(couriers.positions())
    await delay(Math.max(0, next - performance.now()))
  }
}
