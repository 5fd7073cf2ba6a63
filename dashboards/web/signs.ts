import type { MapOrder } from '../contract.ts'
import type { Room } from './room.ts'
import { isClosed } from './words.ts'

/**
 * The short signs: what has just become of an order, shown at its door for some seconds of the wall clock and then gone. A sign
 * is told from two rooms, one after the other, so what a first snapshot holds already is no news. Pure.
 */
export const SIGN_KINDS = ['delivered', 'rerouted', 'reassigned', 'refused', 'cancelled'] as const
export type SignKind = (typeof SIGN_KINDS)[number]

export interface Sign {
  kind: SignKind
  order_id: string
  lng: number
  lat: number
  began_wall_ms: number
}

export const SIGN_MS = 5_500
const SIGNS_MAX = 120

/** What the newer room has to tell beside the signs that still stand. */
export function signsAfter(signs: readonly Sign[], before: Room | null, after: Room, wall_ms: number): readonly Sign[] {
  const standing = signs.some(sign => isOver(sign, wall_ms)) ? signs.filter(sign => !isOver(sign, wall_ms)) : signs
  if (!before || before.epoch !== after.epoch || before.orders === after.orders) return standing
  const news: Sign[] = []
  for (const order of after.orders.values()) {
    const was = before.orders.get(order.order_id)
    const kind = was === order ? undefined : kindOf(was, order, after.couriers)
    if (kind && !isLongAgo(order, after))
      news.push({ kind, order_id: order.order_id, lng: order.lng, lat: order.lat, began_wall_ms: wall_ms })
  }
  if (news.length === 0) return standing
  const again = new Set(news.map(sign => sign.order_id))
  return [...standing.filter(sign => !again.has(sign.order_id)), ...news].slice(-SIGNS_MAX)
}

const isOver = (sign: Sign, wall_ms: number): boolean => wall_ms - sign.began_wall_ms >= SIGN_MS

/** The page was away or held up meanwhile: a hundred signs at once say nothing. */
const isLongAgo = ({ closed_at }: MapOrder, { as_of, clock }: Room): boolean =>
  closed_at !== null && as_of - closed_at > SIGN_MS * clock.rate

function kindOf(was: MapOrder | undefined, is: MapOrder, couriers: Room['couriers']): SignKind | undefined {
  if (isClosed(is.state)) return was && isClosed(was.state) ? undefined : endOf(is)
  if (!was) return undefined
  if (is.attempt > was.attempt) return 'rerouted'
  return isHandedOn(was, is, couriers) ? 'reassigned' : undefined
}

/** By a person's hand, or because the courier cannot. What the solver thinks over again and again before a pickup is no news. */
function isHandedOn(was: MapOrder, is: MapOrder, couriers: Room['couriers']): boolean {
  if (was.courier_id === null || is.courier_id === null || is.courier_id === was.courier_id) return false
  return is.pinned || couriers.get(was.courier_id)?.state !== 'available'
}

function endOf({ state }: MapOrder): SignKind {
  if (state === 'delivered' || state === 'cancelled') return state
  return 'refused'
}

/** How a sign looks at an age: it pops up, stands, and fades while it rises a little. */
export interface SignLook {
  /** 1: its own size */
  scale: number
  /** 0 to 1 */
  opacity: number
  /** px */
  rise: number
}

const POP_MS = 260
const FADES_FROM = 0.6

/** @param still no pop and no rise; it only fades */
export function signLook(age_ms: number, still: boolean): SignLook {
  const age = Math.min(1, Math.max(0, age_ms / SIGN_MS))
  const fading = Math.max(0, (age - FADES_FROM) / (1 - FADES_FROM))
  const popped = Math.min(1, Math.max(0, age_ms) / POP_MS)
  // Beyond its size and back, as a thing that is put down.
  const scale = still ? 1 : popped < 1 ? popped * (1 + 0.6 * (1 - popped)) : 1
  return { scale, opacity: 1 - fading * fading, rise: still ? 0 : 14 * fading }
}
