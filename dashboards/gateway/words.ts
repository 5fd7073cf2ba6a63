import type { FeedItem } from '../contract.ts'
import { isByHand } from './trips.ts'

/** The words that sentences of the feed are made of. */

export type Told = Omit<FeedItem, 'id' | 'at'>

export interface Names {
  /** a warehouse's name and IANA time zone; undefined: not known (yet) */
  warehouse(warehouse_id: string): { name: string; time_zone: string } | undefined
  /** where an order was before the record; absent or undefined: not known */
  before?(order_id: string): string | undefined
}

/** Late by less than this is told as on time; s. */
export const LATE_S_MIN = 60

/** The end of an order's id, by which people can call it out: 4F2A. */
export const shortName = (order_id: string): string =>
  order_id
    .replaceAll(/[^A-Za-z0-9]/g, '')
    .slice(-4)
    .toUpperCase()

export const wordsOf = (token: string): string => token.replaceAll(/[_-]+/g, ' ').trim()

/** dispatcher:ann → dispatcher ann */
export const actorName = (actor: string): string => (isByHand(actor) ? wordsOf(actor.replace(':', ' ')) : 'the solver')

export const minutes = (s: number): string => `${Math.max(1, Math.round(Math.abs(s) / 60))} min`

const clocks = new Map<string, Intl.DateTimeFormat>()

/** 19:24 on the wall of that place; an unknown zone reads as UTC. */
export function localTime(at: number, time_zone = 'UTC'): string {
  let clock = clocks.get(time_zone)
  if (!clock) {
    clock = new Intl.DateTimeFormat('en-GB', { timeZone: time_zone, hour: '2-digit', minute: '2-digit' })
    clocks.set(time_zone, clock)
  }
  return clock.format(at)
}

export const nameOf = (names: Names, warehouse_id: string): string =>
  names.warehouse(warehouse_id)?.name ?? warehouse_id

export const listed = (words: readonly string[]): string =>
  words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`

export const placesOf = (parts: readonly { warehouse_id: string }[], names: Names): string =>
  listed([...new Set(parts.map(part => nameOf(names, part.warehouse_id)))])
