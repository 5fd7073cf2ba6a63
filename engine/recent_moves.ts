import { HOUR_MS } from './state.ts'

/**
 * What moved on one shelf in the last hour, oldest first: a late count is corrected by it. Two lists of small numbers, not one of objects:
 * at a million adjustments a checkpoint's rows are a quarter as long.
 */
export interface RecentMoves {
  /** business time, ms: not long before them */
  from: number
  /** ms after `from`; a movement that was told late may lie before it */
  after_ms: number[]
  /** by how much, at each of these times */
  delta: number[]
}

export const noMoves = (): RecentMoves => ({ from: 0, after_ms: [], delta: [] })

/** A late count is corrected by at most this many movements; with more in an hour, only a younger count can be used. */
export const MOVES_KEPT = 512
const MOVES_DROPPED_AT_ONCE = 128
/** Above that a number has more than nine digits; 11 days as ms. */
const SMALL = 999_999_999

/**
 * Takes a movement in, and forgets what is older than an hour.
 * @returns the time of the last one that had to be forgotten before its hour was over; null: none had
 */
export function noteMove(moves: RecentMoves, delta: number, at: number, now: number): number | null {
  if (moves.after_ms.length === 0 || at - moves.from > SMALL) countFrom(moves, at)
  insert(moves, at - moves.from, delta)
  let old = countUntil(moves, now - HOUR_MS - 1)
  let forgotten: number | null = null
  if (moves.after_ms.length - old > MOVES_KEPT) {
    old += MOVES_DROPPED_AT_ONCE
    forgotten = moves.from + (moves.after_ms[old - 1] as number)
  }
  drop(moves, old)
  return forgotten
}

function countFrom(moves: RecentMoves, from: number): void {
  moves.after_ms = moves.after_ms.map(after_ms => moves.from + after_ms - from)
  moves.from = from
}

function insert({ after_ms: times, delta: deltas }: RecentMoves, after_ms: number, delta: number): void {
  let place = times.length
  while (place > 0 && (times[place - 1] as number) > after_ms) place -= 1
  if (times[place - 1] === after_ms) deltas[place - 1] = (deltas[place - 1] as number) + delta
  else if (place === times.length) {
    times.push(after_ms)
    deltas.push(delta)
  } else {
    times.splice(place, 0, after_ms)
    deltas.splice(place, 0, delta)
  }
}

/** What moved after this time, in sum. */
export const sumAfter = (moves: RecentMoves, time: number): number =>
  moves.delta.slice(countUntil(moves, time)).reduce((sum, delta) => sum + delta, 0)

export const forgetUntil = (moves: RecentMoves, time: number): void => drop(moves, countUntil(moves, time))

/** How many moved at this time or before; all times are whole ms. */
function countUntil({ from, after_ms }: RecentMoves, time: number): number {
  let count = 0
  while (count < after_ms.length && from + (after_ms[count] as number) <= time) count += 1
  return count
}

function drop({ after_ms, delta }: RecentMoves, count: number): void {
  if (count === 0) return
  after_ms.splice(0, count)
  delta.splice(0, count)
}
