import { createHash } from 'node:crypto'
import { cellOf } from '../ingest/events/geo.ts'
import { PackedIds } from './packed/ids.ts'
import { PackedRows } from './packed/rows.ts'
import { RecentIds } from './recent_ids.ts'
import type { ZoneState } from './state.ts'

/**
 * sha256 of zones, in hex: equal digests mean equal states, however they were built. Maps, sets and fields are taken in the order of
 * their keys; what is derived (who reaches a cell) is left out.
 */
export function digestZones(zones: Iterable<ZoneState>): string {
  const sorted = [...zones].sort((a, b) => (a.zone_id < b.zone_id ? -1 : 1))
  return createHash('sha256').update(canonicalText(sorted)).digest('hex')
}

/** JSON written by hand: JSON.stringify with a function that sorts takes three times as long. */
function canonicalText(value: unknown): string {
  if (typeof value === 'number') return Number.isFinite(value) ? `${value}` : 'null'
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null'
  if (Array.isArray(value)) return `[${value.map(canonicalText).join()}]`
  if (value instanceof Map) return `{"map":[${entriesText(value)}]}`
  if (value instanceof PackedRows) return `{"map":[${entriesText(value)}]}`
  if (value instanceof Set || value instanceof PackedIds) return `{"set":${canonicalText([...value].sort())}}`
  if (value instanceof RecentIds) return `{"ids":${JSON.stringify(value.encode())}}`
  return fieldsText(value)
}

const entriesText = (map: Iterable<[string, unknown]>): string =>
  [...map]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, row]) => `[${canonicalText(key)},${canonicalText(row)}]`)
    .join()

function fieldsText(fields: object): string {
  const row = fields as Readonly<Record<string, unknown>>
  let text = ''
  for (const name of Object.keys(row).sort()) {
    const value = row[name]
    // A field without a value is none in a checkpoint.
    if (value !== undefined) text += `${text === '' ? '' : ','}"${name}":${canonicalText(value)}`
  }
  return `{${text}}`
}

/**
 * What the outcome of a fold rests on beside the log: our own code's version, Node's major (its libm) and h3-js, told by
 * one cell that it computes. Raise CODE with every change of `decide` or `evolve`.
 */
const CODE = 4
export const FOLD_VERSION = `${CODE}.node${process.versions.node.split('.')[0]}.${cellOf({ lat: 41.8781, lng: -87.6298 })}`
