import { isAscii, isUtf8 } from 'node:buffer'
import type { Topic } from '../../ingest/contract.ts'
import { type Fields, fieldsOf } from './fields.ts'

/** Records of the log as the loader reads them. */

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

/** A record that was read. `text` is its bytes, or `base64:` and their base64 where they are not UTF-8. */
export interface ReadRecord {
  /** Its bytes are those from `start` to `end`. */
  values: Buffer
  start: number
  end: number
  text: string
  /** a place in `text` is a place in `values`, from `start` on */
  ascii: boolean
  /** the JSON object that it holds, if it holds one */
  event: Fields | undefined
}

/**
 * Reads records that lie one behind the other: record n from `starts[n]` to `starts[n + 1]`, those of `from` ≤ n < `to`. All
 * of them are made text at once where they are ASCII, as almost all are: V8 takes parts of a string without copying them.
 */
export function readRecords(
  { values, starts }: { values: Buffer; starts: Uint32Array },
  { from, to }: { from: number; to: number },
  each: (record: ReadRecord, n: number) => void,
): void {
  const base = starts[from] ?? 0
  const all = values.subarray(base, starts[to])
  const ascii = isAscii(all)
  const text = ascii ? all.toString('latin1') : ''
  for (let n = from; n < to; n += 1) {
    const start = starts[n] ?? 0
    const end = starts[n + 1] ?? start
    each(
      ascii ? readText(values, start, end, text.slice(start - base, end - base), true) : readRecord(values, start, end),
      n,
    )
  }
}

function readRecord(values: Buffer, start: number, end: number): ReadRecord {
  const value = values.subarray(start, end)
  if (isAscii(value)) return readText(values, start, end, value.toString('latin1'), true)
  if (isUtf8(value)) return readText(values, start, end, value.toString('utf8'), false)
  return { values, start, end, text: `base64:${value.toString('base64')}`, ascii: false, event: undefined }
}

const readText = (values: Buffer, start: number, end: number, text: string, ascii: boolean): ReadRecord => ({
  values,
  start,
  end,
  text,
  ascii,
  event: objectOf(text),
})

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
