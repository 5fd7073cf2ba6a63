import type { MapCourier, MapOrder, MapWarehouse } from '../contract.ts'
import type { Dots, Legs } from './layers.ts'
import type { Palette, Rgb } from './theme.ts'
import { isClosed, type Look, lookOf, promisedBy } from './words.ts'

/** Rows → binary columns. Run when rows change and once a second (lateness and fading go with time), never per frame. */

/** A closed order fades away in this time of the wall, whatever the city's speed: people must be able to see it. */
const FADES_MS = 15_000

export interface OrderDots {
  dots: Dots
  /** halos around late ones */
  late: Dots
  /** row → order, for what is under the pointer */
  ids: string[]
  /** lng, lat a row */
  position: Float32Array
}

const RADIUS: Record<Look, number> = {
  waiting: 4,
  picking: 4.5,
  packed: 4.5,
  under_way: 4.5,
  late: 7.5,
  delivered: 3.5,
  refused: 4,
  cancelled: 3.5,
}

/** What is open beside the map, and so larger on it. */
export interface Chosen {
  order_id: string | null
  courier_id: string | null
}

export const NOBODY: Chosen = { order_id: null, courier_id: null }

/** The city's time, and how fast it runs. */
export interface When {
  now: number
  rate: number
}

/** How much of a closed order is still to be seen: 1 at its end, 0 when it has faded. Open ones: 1. */
function presence(order: MapOrder, { now, rate }: When): number {
  if (!isClosed(order.state)) return 1
  return Math.max(0, 1 - (now - (order.closed_at ?? 0)) / (FADES_MS * rate))
}

/** A halo's radius, px: the later, the larger, so that the worst is seen first. */
function haloPx(order: MapOrder, now: number): number {
  const late_min = (now - (promisedBy(order) ?? now)) / 60_000
  return 13 + Math.min(9, late_min)
}

/** Columns while they are being filled. */
interface DotColumns {
  length: number
  position: Float32Array
  fill: Uint8Array
  line: Uint8Array
  radius: Float32Array
}

function newDots(length: number, position: Float32Array = new Float32Array(2 * length)): DotColumns {
  return {
    length: 0,
    position,
    fill: new Uint8Array(4 * length),
    line: new Uint8Array(4 * length),
    radius: new Float32Array(length),
  }
}

const asDots = ({ length, position, fill, line, radius }: DotColumns): Dots => ({
  length,
  attributes: {
    getPosition: { value: position, size: 2 },
    getFillColor: { value: fill, size: 4, normalized: true },
    getLineColor: { value: line, size: 4, normalized: true },
    getRadius: { value: radius, size: 1 },
  },
})

interface Dot {
  lng: number
  lat: number
  fill: Rgb
  fill_alpha: number
  line: Rgb
  line_alpha: number
  radius: number
}

function add(dots: DotColumns, dot: Dot): void {
  const i = dots.length++
  dots.position.set([dot.lng, dot.lat], 2 * i)
  dots.fill.set([...dot.fill, dot.fill_alpha], 4 * i)
  dots.line.set([...dot.line, dot.line_alpha], 4 * i)
  dots.radius[i] = dot.radius
}

export function orderDots(orders: Iterable<MapOrder>, when: When, palette: Palette, chosen: Chosen): OrderDots {
  const shown = [...orders].filter(order => presence(order, when) > 0)
  const made: OrderColumns = { dots: newDots(shown.length), late: newDots(shown.length) }
  for (const order of shown) addOrder(made, order, when, palette, order.order_id === chosen.order_id)
  return {
    dots: asDots(made.dots),
    late: asDots(made.late),
    ids: shown.map(order => order.order_id),
    position: made.dots.position,
  }
}

type OrderColumns = Record<'dots' | 'late', DotColumns>

function addOrder(made: OrderColumns, order: MapOrder, when: When, palette: Palette, chosen: boolean): void {
  const look = lookOf(order, when.now)
  const colour = palette.looks[look]
  const here = presence(order, when)
  const solid = look !== 'refused' && look !== 'cancelled'
  const edge = chosen ? palette.label : palette.label_halo
  const alpha = Math.round(255 * Math.min(1, 0.15 + here))
  add(made.dots, {
    lng: order.lng,
    lat: order.lat,
    fill: colour,
    fill_alpha: solid ? alpha : 0,
    line: solid ? [edge[0], edge[1], edge[2]] : colour,
    line_alpha: alpha,
    radius: RADIUS[look] + (chosen ? 2.5 : 0),
  })
  if (look !== 'late') return
  const halo = { fill: colour, fill_alpha: 58, line: colour, line_alpha: 235, radius: haloPx(order, when.now) }
  add(made.late, { lng: order.lng, lat: order.lat, ...halo })
}

/** One row a courier, by index; the positions are the frame loop's, which shares `position` with it. */
export function courierDots(
  couriers: Iterable<MapCourier>,
  position: Float32Array,
  palette: Palette,
  chosen: Chosen,
): Dots {
  const length = position.length / 2
  const dots = { ...newDots(length, position), length }
  for (const { courier_id, index, state, order_ids } of couriers) {
    if (index >= length || state === 'off') continue
    const busy = order_ids.length > 0
    const here = courier_id === chosen.courier_id || order_ids.some(id => id === chosen.order_id)
    const colour = busy ? palette.courier : palette.courier_free
    dots.fill.set([...colour, state === 'break' ? 90 : 255], 4 * index)
    dots.line.set([...palette.courier_edge, busy ? 255 : 0], 4 * index)
    dots.radius[index] = here ? 7.5 : busy ? 4.6 : 2.2
  }
  return asDots(dots)
}

/** A line warehouse → courier → door for every order that is on a trip; `ends` says which end a courier moves. */
export interface OrderLegs {
  length: number
  source: Float32Array
  target: Float32Array
  colour: Uint8Array
  width: Float32Array
  /** courier index a leg */
  courier: Uint32Array
  /** 1: the courier is the leg's target, 0: its source */
  toCourier: Uint8Array
}

export const asLegs = ({ length, source, target, colour, width }: OrderLegs): Legs => ({
  length,
  attributes: {
    getSourcePosition: { value: source, size: 2 },
    getTargetPosition: { value: target, size: 2 },
    getColor: { value: colour, size: 4, normalized: true },
    getWidth: { value: width, size: 1 },
  },
})

export function orderLegs(
  orders: Iterable<MapOrder>,
  couriers: ReadonlyMap<string, MapCourier>,
  warehouses: ReadonlyMap<string, MapWarehouse>,
  now: number,
  palette: Palette,
  chosen: Chosen,
): OrderLegs {
  const carried = [...orders].filter(order => order.courier_id !== null && !isClosed(order.state))
  const made = newLegs(2 * carried.length)
  for (const order of carried) {
    const index = couriers.get(order.courier_id ?? '')?.index
    const from = warehouses.get(order.warehouse_id ?? '')
    if (index === undefined || !from) continue
    const fetched = order.state === 'picked_up'
    const here = order.order_id === chosen.order_id || order.courier_id === chosen.courier_id
    const colour = palette.looks[lookOf(order, now)]
    // The leg that the courier is on is strong, the other one only hints at where it leads.
    addLeg(made, { index, toCourier: true, place: from, colour: palette.courier, strong: !fetched, chosen: here })
    addLeg(made, { index, toCourier: false, place: order, colour, strong: fetched, chosen: here })
  }
  return made
}

function newLegs(length: number): OrderLegs {
  return {
    length: 0,
    source: new Float32Array(2 * length),
    target: new Float32Array(2 * length),
    colour: new Uint8Array(4 * length),
    width: new Float32Array(length),
    courier: new Uint32Array(length),
    toCourier: new Uint8Array(length),
  }
}

interface Leg {
  index: number
  toCourier: boolean
  place: { lng: number; lat: number }
  colour: Rgb
  strong: boolean
  chosen: boolean
}

function addLeg(legs: OrderLegs, leg: Leg): void {
  const i = legs.length++
  legs.courier[i] = leg.index
  legs.toCourier[i] = leg.toCourier ? 1 : 0
  const fixed = leg.toCourier ? legs.source : legs.target
  fixed.set([leg.place.lng, leg.place.lat], 2 * i)
  legs.colour.set([...leg.colour, leg.chosen ? 255 : leg.strong ? 150 : 48], 4 * i)
  legs.width[i] = leg.chosen ? 3 : leg.strong ? 1.6 : 1
}

/** The frame loop's part: the moving end of every leg. */
export function pullLegs(legs: OrderLegs, position: Float32Array): void {
  for (let i = 0; i < legs.length; i++) {
    const at = 2 * (legs.courier[i] ?? 0)
    const end = legs.toCourier[i] === 1 ? legs.target : legs.source
    end[2 * i] = position[at] ?? Number.NaN
    end[2 * i + 1] = position[at + 1] ?? Number.NaN
  }
}
