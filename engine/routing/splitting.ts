import type { Refusal } from '../../ingest/events/decisions.ts'
import type { LineId, OrderLine, Sku } from '../../ingest/events/envelope.ts'
import type { Ranked, Share, Wish } from '../routing.ts'
import type { ZoneState } from '../state.ts'
import { promiseAfterS } from './load.ts'
import { refusesNow, uncovered } from './refusal.ts'
import { timingOf } from './timing.ts'

/**
 * An order over several warehouses, as few as possible; a line stays whole. Pairs are tried before threes, those whose slower
 * warehouse ranks best first, then the faster one; four and more are put together greedily, whoever covers most first.
 */

export type Split =
  | { kind: 'found'; shares: Share[]; ranked: Ranked[] }
  | { kind: 'refused'; reason: Refusal; line_id: LineId }

/** A warehouse that can give some of the lines. */
interface Giver {
  ranked: Ranked
  /** one bit a line */
  covers: Uint32Array
  /** it can have so many ready within the promise */
  lines_max: number
}

/**
 * Looks at pairs and threes, and at ways to deal out lines: enough for all threes of 120 warehouses that reach the cell. Beyond
 * it the greedy choice stands. An order of two lines over two warehouses costs 26 µs of CPU where ten reach it, 1 ms where 500 do.
 */
const LOOKS_MAX = 300_000

interface Search {
  zone: ZoneState
  wish: Wish
  looks: number
}

/** `ranked`: every warehouse that was tried alone, best first. null: nothing better to say than they did. */
export function split(zone: ZoneState, wish: Wish, ranked: readonly Ranked[]): Split | null {
  const { lines } = wish
  const givers = ranked.flatMap(one => giverOf(zone, wish, one) ?? [])
  if (givers.length === 0) return null
  const missing = lines.find((_, place) => !givers.some(({ covers }) => hasBit(covers, place)))
  if (missing) {
    return { kind: 'refused', reason: whyNobody(zone, wish, ranked, missing), line_id: missing.line_id }
  }
  const search: Search = { zone, wish, looks: LOOKS_MAX }
  for (const set of setsOf(givers, search)) {
    const shares = dealOut(search, set)
    if (!shares) continue
    const taking = new Set(shares.map(({ warehouse }) => warehouse))
    const used = set.map(giver => giver.ranked).filter(({ warehouse }) => taking.has(warehouse))
    return { kind: 'found', shares, ranked: used }
  }
  return null
}

/** What the best of those says who know the item at all. */
function whyNobody(zone: ZoneState, wish: Wish, ranked: readonly Ranked[], line: OrderLine): Refusal {
  for (const { warehouse } of ranked) {
    const reason = uncovered(warehouse, line, 0, zone.time)
    if (reason === 'sku_unknown') continue
    const late = wish.deliver_between ? 'window_missed' : 'full'
    return reason ?? refusesNow(warehouse, zone.time, wish.deliver_between) ?? late
  }
  return 'sku_unknown'
}

function giverOf(zone: ZoneState, wish: Wish, ranked: Ranked): Giver | null {
  const { warehouse } = ranked
  if (refusesNow(warehouse, zone.time, wish.deliver_between)) return null
  const covers = new Uint32Array(Math.ceil(wish.lines.length / 32))
  let covers_some = false
  wish.lines.forEach((line, place) => {
    if (uncovered(warehouse, line, 0, zone.time)) return
    covers_some = true
    covers[place >> 5] = (covers[place >> 5] ?? 0) | (1 << (place & 31))
  })
  const lines_max = covers_some ? linesWithin(zone, wish, ranked) : 0
  return lines_max > 0 ? { ranked, covers, lines_max } : null
}

/** How many lines it can have ready in time: more lines take longer. */
function linesWithin(zone: ZoneState, wish: Wish, { warehouse, travel_s }: Ranked): number {
  let low = 0
  let high = wish.lines.length
  while (low < high) {
    const lines = (low + high + 1) >> 1
    const promise_s = promiseAfterS(zone, warehouse, lines, travel_s)
    const timing = timingOf(zone, warehouse, { lines, travel_s, promise_s }, wish.deliver_between)
    if (typeof timing === 'string') high = lines - 1
    else low = lines
  }
  return low
}

// ── Which warehouses ────────────────────────────────────────────────────────────────────────────────────────────────

function* setsOf(givers: readonly Giver[], search: Search): Generator<Giver[], void, void> {
  const reachable_before = unions(givers)
  const all = reachable_before.at(-1) ?? new Uint32Array(0)
  yield* pairs(givers, all, reachable_before, search)
  yield* threes(givers, all, reachable_before, search)
  const greedy = greedily(givers, all)
  if (greedy.length > 1) yield greedy
}

/** What all before the place cover together; the last one: all. */
function unions(givers: readonly Giver[]): Uint32Array[] {
  let union: Uint32Array = new Uint32Array(givers[0]?.covers.length ?? 0)
  return [union, ...givers.map(({ covers }) => (union = union.map((word, at) => word | (covers[at] ?? 0))))]
}

function* pairs(givers: readonly Giver[], all: Uint32Array, before: readonly Uint32Array[], search: Search) {
  for (const [slower, one] of givers.entries()) {
    const rest = without(all, one.covers)
    if (!isWithin(rest, before[slower])) continue
    for (const other of givers.slice(0, slower)) {
      search.looks -= 1
      if (search.looks < 0) return
      if (isWithin(rest, other.covers)) yield [other, one]
    }
  }
}

function* threes(givers: readonly Giver[], all: Uint32Array, before: readonly Uint32Array[], search: Search) {
  for (const [slowest, one] of givers.entries()) {
    const rest = without(all, one.covers)
    if (!isWithin(rest, before[slowest])) continue
    for (const [middle, two] of givers.slice(0, slowest).entries()) {
      const still = without(rest, two.covers)
      if (!isWithin(still, before[middle])) continue
      for (const three of givers.slice(0, middle)) {
        search.looks -= 1
        if (search.looks < 0) return
        if (isWithin(still, three.covers)) yield [three, two, one]
      }
    }
  }
}

function greedily(givers: readonly Giver[], all: Uint32Array): Giver[] {
  const chosen: Giver[] = []
  for (let rest = all; rest.some(word => word !== 0); ) {
    let best: Giver | undefined
    let best_count = 0
    for (const giver of givers) {
      const count = Math.min(giver.lines_max, bitsIn(giver.covers, rest))
      if (count <= best_count || chosen.includes(giver)) continue
      best = giver
      best_count = count
    }
    if (!best) break
    chosen.push(best)
    rest = without(rest, best.covers)
  }
  return chosen.sort((a, b) => givers.indexOf(a) - givers.indexOf(b))
}

const hasBit = (bits: Uint32Array, place: number): boolean => ((bits[place >> 5] ?? 0) & (1 << (place & 31))) !== 0

const without = (bits: Uint32Array, taken: Uint32Array): Uint32Array => bits.map((word, at) => word & ~(taken[at] ?? 0))

function isWithin(bits: Uint32Array, whole: Uint32Array | undefined): boolean {
  for (let at = 0; at < bits.length; at += 1) if ((bits[at] ?? 0) & ~(whole?.[at] ?? 0)) return false
  return true
}

function bitsIn(bits: Uint32Array, among: Uint32Array): number {
  let count = 0
  for (let place = 0; place < bits.length * 32; place += 1) if (hasBit(bits, place) && hasBit(among, place)) count += 1
  return count
}

// ── Who gives which line ────────────────────────────────────────────────────────────────────────────────────────────

interface Deal {
  giver: Giver
  places: number[]
  taken: Map<Sku, number>
}

/** Every line to the best-ranked of the set that can give it; back and forth where room or a shared SKU asks for it. */
function dealOut(search: Search, set: readonly Giver[]): Share[] | null {
  const { lines } = search.wish
  const deals: Deal[] = set.map(giver => ({ giver, places: [], taken: new Map() }))
  const options = (place: number) => set.filter(({ covers }) => hasBit(covers, place)).length
  const order = lines.map((line, place) => ({ place, options: options(place), quantity: line.quantity }))
  order.sort((a, b) => a.options - b.options || b.quantity - a.quantity || a.place - b.place)
  if (!dealNext(search, deals, order, 0)) return null
  return sharesOf(search, deals)
}

function dealNext(search: Search, deals: readonly Deal[], order: readonly { place: number }[], at: number): boolean {
  const place = order[at]?.place
  const line = place === undefined ? undefined : search.wish.lines[place]
  if (place === undefined || !line) return true
  for (const deal of deals) {
    search.looks -= 1
    if (search.looks < 0) return false
    if (!canTake(deal, line, place, search.zone.time)) continue
    const taken = deal.taken.get(line.sku) ?? 0
    deal.places.push(place)
    deal.taken.set(line.sku, taken + line.quantity)
    if (dealNext(search, deals, order, at + 1)) return true
    deal.places.pop()
    deal.taken.set(line.sku, taken)
  }
  return false
}

function canTake({ giver, places, taken }: Deal, line: OrderLine, place: number, time: number): boolean {
  if (places.length >= giver.lines_max || !hasBit(giver.covers, place)) return false
  return uncovered(giver.ranked.warehouse, line, taken.get(line.sku) ?? 0, time) === null
}

function sharesOf({ zone, wish }: Search, deals: readonly Deal[]): Share[] | null {
  const shares: Share[] = []
  for (const { giver, places } of deals) {
    if (places.length === 0) continue
    const { warehouse, travel_s } = giver.ranked
    const lines = wish.lines.filter((_, place) => places.includes(place))
    const promise_s = promiseAfterS(zone, warehouse, lines.length, travel_s)
    const timing = timingOf(zone, warehouse, { lines: lines.length, travel_s, promise_s }, wish.deliver_between)
    if (typeof timing === 'string') return null
    shares.push({ ...timing, warehouse, lines })
  }
  return shares
}
