import { createHash } from 'node:crypto'
import { cellOf } from '../ingest/events/geo.ts'
import { RecentIds } from './recent_ids.ts'
import type { ZoneState } from './state.ts'

/**
 * sha256 of zones, in hex: equal digests mean equal states, however they were built. Maps, sets and fields are taken in the order of
 * their keys; what is derived (who reaches a cell) is left out.
 */
export function digestZones(zones: Iterable<ZoneState>): string {
  const sorted = [...zones].sort((a, b) => (a.zone_id < b.zone_id ? -1 : 1))
  return createHash('sha256').update(JSON.stringify(sorted, canonical)).digest('hex')
}

function canonical(_name: string, value: unknown): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value
  if (value instanceof Map) return { map: [...value].sort(([a], [b]) => (a < b ? -1 : 1)) }
  if (value instanceof Set) return { set: [...value].sort() }
  if (value instanceof RecentIds) return { ids: value.encode() }
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}

/**
 * What the outcome of a fold rests on beside the log: our own code's version, Node's major (its libm) and h3-js, told by
 * one cell that it computes. Raise CODE with every change of `decide` or `evolve`.
 */
const CODE = 3
export const FOLD_VERSION = `${CODE}.node${process.versions.node.split('.')[0]}.${cellOf({ lat: 41.8781, lng: -87.6298 })}`
