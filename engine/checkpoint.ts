import { createHash } from 'node:crypto'
import { deflateSync, inflateSync } from 'node:zlib'
import { cellOf } from '../ingest/events/geo.ts'
import { RecentIds } from './recent_ids.ts'
import type { ZoneState } from './state.ts'

/**
 * A zone's state as bytes, the same for the same state however it was built: maps and sets are written in the order of
 * their keys. What is derived (who reaches a cell) is left out.
 */

const VERSION = 1

interface Written {
  version: number
  zones: unknown[]
}

/** Compressed JSON; `decodeZones` reads it. */
export function encodeZones(zones: Iterable<ZoneState>): Buffer {
  return deflateSync(canonicalZones(zones), { level: 1 })
}

/** sha256 of the state, in hex: equal digests mean equal states. */
export function digestZones(zones: Iterable<ZoneState>): string {
  return createHash('sha256').update(canonicalZones(zones)).digest('hex')
}

function canonicalZones(zones: Iterable<ZoneState>): string {
  const sorted = [...zones].sort((a, b) => (a.zone_id < b.zone_id ? -1 : 1))
  const written: Written = { version: VERSION, zones: sorted }
  return JSON.stringify(written, (_name, value: unknown) => {
    if (value instanceof Map) return { map: [...value].sort(([a], [b]) => (a < b ? -1 : 1)) }
    if (value instanceof Set) return { set: [...value].sort() }
    if (value instanceof RecentIds) return { ids: value.encode() }
    return value
  })
}

/** @throws Error when the bytes were written by another version, or are damaged. */
export function decodeZones(bytes: Uint8Array): ZoneState[] {
  const read = JSON.parse(inflateSync(bytes).toString(), (_name, value: unknown) => {
    if (value === null || typeof value !== 'object' || Array.isArray(value)) return value
    if ('map' in value && Array.isArray(value.map)) return new Map(value.map)
    if ('set' in value && Array.isArray(value.set)) return new Set(value.set)
    if ('ids' in value && Array.isArray(value.ids)) return RecentIds.decode(value.ids)
    return value
  }) as Written
  if (read.version !== VERSION)
    throw new Error(`this checkpoint has version ${read.version}, and ${VERSION} can be read`)
  return read.zones as ZoneState[]
}

/**
 * What the outcome of a fold rests on beside the log: our own code's version, Node's major (its libm) and h3-js, told by
 * one cell that it computes. Raise CODE with every change of `decide` or `evolve`.
 */
const CODE = 2
export const FOLD_VERSION = `${CODE}.node${process.versions.node.split('.')[0]}.${cellOf({ lat: 41.8781, lng: -87.6298 })}`
