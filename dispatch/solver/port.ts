import type {
  CourierId,
  FulfilmentId,
  OrderId,
  Point,
  Requirement,
  TripId,
  WarehouseId,
  ZoneId,
} from '../../ingest/events/envelope.ts'
import type { TravelTimes } from '../contract.ts'
import type { Weights } from './objective.ts'

/**
 * Courier assignment as a pure function, Problem → Plan. All times are whole seconds since `now`, which is 0; what is
 * over is negative. Places are points; only `travel` knows how far apart they are.
 */

/** An order's part that waits to be carried: not picked up yet, and not on a trip that may not be touched. */
export interface OpenFulfilment {
  fulfilment_id: FulfilmentId
  order_id: OrderId
  warehouse_id: WarehouseId
  pickup: Point
  dropoff: Point
  placed_s: number
  /** when it can be taken: known, or the best estimate */
  ready_s: number
  /** the earliest that is likely, where `ready_s` is only an estimate: a courier with nothing else to do is there by then */
  ready_from_s?: number
  /** nearly sure to be ready by then, where `ready_s` is only an estimate */
  ready_latest_s?: number
  /** when it could have been ready, had its picking not been put off; absent: `ready_s`. Its floor counts from there */
  ready_at_best_s?: number
  /** it may be carried from one of these instead: of a plan's trips, the warehouse tells from which it is */
  elsewhere?: readonly OtherPickup[]
  /** latest time at the door that was promised; absent: nothing was */
  promise_s?: number
  load: number
  /** on a trip of its own: its parts lie at several warehouses */
  alone?: boolean
  requires: readonly Requirement[]
  /** longest time between pickup and door, s; absent: no limit */
  uncooled_s_max?: number
  /** couriers who declined it a while ago, or did not answer: not to be asked again yet */
  not_couriers?: readonly CourierId[]
}

/** Another warehouse that has all of a fulfilment, and when it can be taken there. */
export type OtherPickup = Pick<OpenFulfilment, 'warehouse_id' | 'pickup' | 'ready_s' | 'ready_from_s'>

export interface CourierSnapshot {
  courier_id: CourierId
  /** when and from where the courier is free for something new; later than 0 also for one whose shift begins then */
  place: Point
  free_s: number
  capacity: number
  has: readonly Requirement[]
  /** tied to this warehouse: takes trips from there only, and returns there; absent: floating */
  home_warehouse_id?: WarehouseId
  /** at the last door, or back at home, by then; absent: no end is known */
  shift_end_s?: number
  /** no pickup later than this, where the shift's rule is about pickups */
  last_pickup_s?: number
  breaks: readonly { from_s: number; to_s: number }[]
  /** what it does until `free_s`; none of it is among the open fulfilments */
  committed: readonly Commitment[]
  /** on the way to a warehouse, or standing there: what it will take along is still open */
  open_trip?: OpenTrip
  /** deliveries, those under way too, and hours on duty so far, for the fairness term; absent: left out of it */
  worked?: { deliveries: number; hours: number }
}

/** What may not be touched: picked up, or pinned by a dispatcher. */
export interface Commitment {
  trip_id: TripId
  fulfilment_ids: readonly FulfilmentId[]
  why: 'picked_up' | 'pinned' | 'accepted'
}

/** The courier's first trip is from this warehouse and not empty; its fulfilments are among the open ones. */
export interface OpenTrip {
  trip_id: TripId
  warehouse_id: WarehouseId
  /** negative: has been there for so long */
  arrive_s: number
  fulfilment_ids: readonly FulfilmentId[]
}

/** What the hand-overs take besides the road, s. */
export interface ServiceTimes {
  /** from arrival at the warehouse until the parcels are in hand, at the earliest */
  before_pickup_s: number
  after_pickup_s: number
  /** from arrival at the door until it is delivered */
  before_door_s: number
  after_door_s: number
}

/** Where orders are expected to come from. Only the shares count, not the unit. */
export interface ExpectedDemand {
  warehouse_id: WarehouseId
  pickup: Point
  orders_per_h: number
}

export interface SolverProblem {
  zone_id: ZoneId
  /** business clock, ms: what 0 means */
  now: number
  seed: number
  /** rounds of ruin and recreate */
  iterations_max: number
  fulfilments: readonly OpenFulfilment[]
  couriers: readonly CourierSnapshot[]
  demand: readonly ExpectedDemand[]
  service: ServiceTimes
  /** most orders on one trip */
  bundle_max: number
  /** most trips that are planned for one courier */
  trips_max: number
  /** s from point to point for a courier */
  travel: TravelTimes
  weights: Weights
  /** the last plan's trips, where the search begins; what no longer holds in them is left out */
  last: readonly LastTrip[]
}

export type LastTrip = Pick<PlannedTrip, 'courier_id' | 'fulfilment_ids'> & Partial<Pick<PlannedTrip, 'warehouse_id'>>

export interface PlannedTrip {
  courier_id: CourierId
  warehouse_id: WarehouseId
  /** first all pickups, then drop-offs in this order */
  fulfilment_ids: readonly FulfilmentId[]
  /** just in time for the earliest likely pickup; in the past for an open trip */
  depart_s: number
  pickup_s: number
  dropoff_s: readonly number[]
}

/** An idle courier goes where orders are expected, and is free there on arrival. */
export interface PlannedMove {
  courier_id: CourierId
  warehouse_id: WarehouseId
  arrive_s: number
}

export interface SolverPlan {
  /** each courier's in the order of time */
  trips: readonly PlannedTrip[]
  moves: readonly PlannedMove[]
  /** what stays without a courier, with the reason */
  waiting: readonly { fulfilment_id: FulfilmentId; why: WaitingWhy }[]
  /** of the objective, in weighted minutes */
  cost: number
  iterations: number
  stopped_by_wall_clock: boolean
}

export type WaitingWhy = 'no_courier' | 'not_ready' | 'requirement' | 'no_capacity'
