import { isAscii, isUtf8 } from 'node:buffer'
import type { Topic } from '../../ingest/contract.ts'
import type { LogMessage } from '../../ingest/io/reader.ts'
import { type Fields, fieldsOf } from './fields.ts'

/** Records of the log as the loader holds and reads them. */

/** What waits: the bytes as they came, and how many rows they are about to be. */
export interface WaitingRecord {
  offset: number
  appended_at: number
  value: Buffer | null
  headers: Record<string, string>
  /** as they lie in Kafka */
  bytes: number
  rows: number
}

export function waitingRecord(topic: Topic, { offset, appended_at, value, headers }: LogMessage): WaitingRecord {
  return { offset, appended_at, value, headers, bytes: value?.length ?? 0, rows: rowsIn(topic, value) }
}

const DECISION = Buffer.from('{"type":"')
const FIRST_COLUMN = Buffer.from('"source_offset":[')

/** How many rows a record will be, without reading it: the batch cutter's weight. Exact for what our engine writes. */
export function rowsIn(topic: Topic, value: Buffer | null): number {
  if (value === null) return 1
  if (topic === 'decisions') {
    let count = 0
    for (let at = value.indexOf(DECISION); at >= 0; at = value.indexOf(DECISION, at + DECISION.length)) count += 1
    return Math.max(1, count)
  }
  if (topic !== 'movements') return 1
  const start = value.indexOf(FIRST_COLUMN)
  const end = start < 0 ? -1 : value.indexOf(']', start)
  let count = 1
  for (let at = value.indexOf(',', start); at >= 0 && at < end; at = value.indexOf(',', at + 1)) count += 1
  return count
}

/** A record that was read: `text` is its bytes, or `base64:` and their base64 where they are not UTF-8. */
export interface ReadRecord {
  value: Buffer
  text: string
  /** places in `text` are places in `value` */
  ascii: boolean
  /** the JSON object that it holds, if it holds one */
  event: Fields | undefined
}

const NOTHING = Buffer.alloc(0)

export function readRecord(value: Buffer | null): ReadRecord {
  if (value === null) return { value: NOTHING, text: '', ascii: true, event: undefined }
  const ascii = isAscii(value)
  if (!ascii && !isUtf8(value)) {
    const text = `base64:${value.toString('base64')}`
    return { value, text, ascii: false, event: undefined }
  }
  const text = ascii ? value.toString('latin1') : value.toString('utf8')
  return { value, text, ascii, event: objectOf(text) }
}

function objectOf(text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return value === null || typeof value !== 'object' || Array.isArray(value) ? undefined : fieldsOf(value)
  } catch {
    return undefined
  }
}

/**
 * Where the last field of an object stands in its text, when that can be told at a glance: all fields before it are plain
 * values. Spares JSON.stringify, which takes as long as JSON.parse.
 * @param opening what its value begins with: `{` or `[`
 * @returns start and end of the value within `text`, or undefined
 */
export function lastField(
  { text, event }: ReadRecord,
  name: string,
  opening: '{' | '[',
): { start: number; end: number } | undefined {
  const key = `,"${name}":`
  const start = text.indexOf(key) + key.length
  const other = opening === '{' ? '[' : '{'
  if (start < key.length || text.indexOf(opening, 1) !== start) return undefined
  const first_other = text.indexOf(other, 1)
  if (first_other >= 0 && first_other < start) return undefined
  if (!text.endsWith(opening === '{' ? '}}' : ']}') || Object.keys(event ?? {}).at(-1) !== name) return undefined
  return { start, end: text.length - 1 }
}
