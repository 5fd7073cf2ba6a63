import type { HoldState, ZoneState } from './state.ts'

/**
 * Which hold ends next, without a look at all of them: a binary heap by (expires_at, hold_id). It follows from the state
 * and is no part of it: built by the first step that needs it, so after a checkpoint was loaded whole.
 *
 * A hold that was confirmed or released stays in the heap until it comes up, or until the dead are more than the living.
 */
interface Due {
  heap: HoldState[]
  dead: number
}

const dueByHolds = new WeakMap<ZoneState['holds'], Due>()

function dueOf(zone: ZoneState): Due {
  let due = dueByHolds.get(zone.holds)
  if (!due) {
    due = { heap: living(zone.holds.values()), dead: 0 }
    dueByHolds.set(zone.holds, due)
  }
  return due
}

/** The living in the order of their end: a sorted array is a heap. */
const living = (holds: Iterable<HoldState>): HoldState[] => [...holds].filter(isAlive).sort(byEnd)

const isAlive = ({ state }: HoldState): boolean => state === 'granted'

const byEnd = (a: HoldState, b: HoldState): number =>
  a.expires_at - b.expires_at || (a.hold_id < b.hold_id ? -1 : a.hold_id > b.hold_id ? 1 : 0)

/** To be called with a hold that is granted, before it is among `zone.holds`. Steps: log₂ of the holds that live. */
export const noteGranted = (zone: ZoneState, hold: HoldState): void => rise(dueOf(zone).heap, hold)

/** To be called when a hold has ended, however it did. */
export function noteEnded(zone: ZoneState): void {
  const due = dueOf(zone)
  due.dead += 1
  if (due.dead * 2 <= due.heap.length) return
  due.heap = living(due.heap)
  due.dead = 0
}

/** Business time at which the first living hold ends; null when none lives. Builds nothing, so it may be asked at any time. */
export function nextEnd(zone: ZoneState): number | null {
  if (dueByHolds.has(zone.holds)) return nextHold(zone)?.expires_at ?? null
  let first: number | null = null
  for (const hold of zone.holds.values()) {
    if (isAlive(hold) && (first === null || hold.expires_at < first)) first = hold.expires_at
  }
  return first
}

/** The living hold that ends first; undefined when none lives. */
export function nextHold(zone: ZoneState): HoldState | undefined {
  if (zone.holds.size === 0) return undefined
  const due = dueOf(zone)
  for (let first = due.heap[0]; first; first = due.heap[0]) {
    if (isAlive(first)) return first
    dropFirst(due.heap)
    due.dead -= 1
  }
  return undefined
}

/** All living holds, latest end first. */
export const livingHolds = (zone: ZoneState): HoldState[] =>
  zone.holds.size === 0 ? [] : living(dueOf(zone).heap).reverse()

function rise(heap: HoldState[], hold: HoldState): void {
  let at = heap.push(hold) - 1
  while (at > 0) {
    const above = (at - 1) >> 1
    const parent = heap[above]
    if (!parent || byEnd(parent, hold) <= 0) break
    heap[at] = parent
    at = above
  }
  heap[at] = hold
}

function dropFirst(heap: HoldState[]): void {
  const last = heap.pop()
  if (!last || heap.length === 0) return
  let at = 0
  for (let below = 1; below < heap.length; below = 2 * at + 1) {
    const [left, right] = [heap[below], heap[below + 1]]
    if (!left) break
    const smaller = right && byEnd(right, left) < 0 ? right : left
    if (byEnd(last, smaller) <= 0) break
    heap[at] = smaller
    at = smaller === left ? below : below + 1
  }
  heap[at] = last
}
