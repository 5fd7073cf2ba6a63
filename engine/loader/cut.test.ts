import { array, assert, constantFrom, integer, nat, property, tuple } from 'fast-check'
import { expect, test } from 'vitest'
import { cutBatch, DAY_MS, dayOf } from './cut.ts'
import { bytesAt, offsetAt, type Piece, type Stretch, Waiting } from './waiting.ts'

const limits = { rows_max: 20, bytes_max: 500 }

/** Per partition: records as [rows, bytes, ms since the one before], across the end of a day. */
const logs = array(array(tuple(integer({ min: 1, max: 25 }), nat(600), constantFrom(0, 1, 5, 20)), { maxLength: 30 }), {
  maxLength: 5,
})

interface Figures {
  offset: number
  appended_at: number
  rows: number
  bytes: number
}

function stretchOf(records: readonly Figures[]): Stretch {
  const starts = new Uint32Array(records.length + 1)
  for (const [n, { bytes }] of records.entries()) starts[n + 1] = (starts[n] ?? 0) + bytes
  return {
    values: Buffer.alloc(starts.at(-1) ?? 0),
    starts,
    offsets: Float64Array.from(records, record => record.offset),
    appended_at: Float64Array.from(records, record => record.appended_at),
    rows: Uint32Array.from(records, record => record.rows),
    headers: [],
  }
}

function recordsOf(records: [number, number, number][]): Figures[] {
  let appended_at = DAY_MS - 40
  return records.map(([rows, bytes, later], offset) => {
    appended_at += later
    return { offset, appended_at, rows, bytes }
  })
}

/** As they come in: some at a time. */
function waitingOf(records: readonly Figures[], at_once: number): Waiting {
  const waiting = new Waiting()
  for (let at = 0; at < records.length; at += at_once) waiting.push(stretchOf(records.slice(at, at + at_once)))
  return waiting
}

const figuresIn = (pieces: readonly Piece[]): Figures[] =>
  pieces.flatMap(piece =>
    Array.from({ length: piece.to - piece.from }, (_, n) => piece.from + n).map(n => ({
      offset: offsetAt(piece, n),
      appended_at: piece.stretch.appended_at[n] ?? 0,
      rows: piece.stretch.rows[n] ?? 0,
      bytes: bytesAt(piece.stretch, n),
    })),
  )

const piecesIn = (waiting: ReadonlyMap<number, Waiting>) =>
  new Map([...waiting].map(([partition, { pieces }]) => [partition, pieces]))

const sumOf = (figures: readonly number[]) => figures.reduce((sum, one) => sum + one, 0)

test('batch after batch takes everything, in order, each within a day and the limits', () =>
  assert(
    property(logs, integer({ min: 1, max: 12 }), (partitions, at_once) => {
      const logs = partitions.map(recordsOf)
      const waiting = new Map(logs.map((records, partition) => [partition, waitingOf(records, at_once)]))
      const taken = logs.map((): Figures[] => [])
      while ([...waiting.values()].some(({ length }) => length > 0)) {
        const cut = cutBatch(piecesIn(waiting), limits)
        const records = cut.flatMap(({ partition, records }) => {
          const found = figuresIn(waiting.get(partition)?.first(records) ?? [])
          expect(found).toHaveLength(records)
          waiting.get(partition)?.drop(records)
          taken[partition]?.push(...found)
          return found
        })
        expect(records.length).toBeGreaterThan(0)
        expect(new Set(records.map(record => dayOf(record.appended_at))).size).toBe(1)
        expect(new Set(cut.map(part => part.partition)).size).toBe(cut.length)
        if (records.length > 1) {
          expect(sumOf(records.map(record => record.rows))).toBeLessThanOrEqual(limits.rows_max)
          expect(sumOf(records.map(record => record.bytes))).toBeLessThanOrEqual(limits.bytes_max)
        }
      }
      expect(taken).toEqual(logs)
      expect(cutBatch(piecesIn(waiting), limits)).toEqual([])
      for (const { rows, bytes } of waiting.values()) expect([rows, bytes]).toEqual([0, 0])
    }),
  ))

test('what waits knows its rows, and what of it lies before an offset', () =>
  assert(
    property(logs, integer({ min: 1, max: 12 }), nat(30), nat(30), (partitions, at_once, gone, offset) => {
      const [log = []] = partitions.map(recordsOf)
      const waiting = waitingOf(log, at_once)
      waiting.drop(gone)
      const left = log.slice(gone)
      expect(figuresIn(waiting.pieces)).toEqual(left)
      expect([waiting.length, waiting.rows]).toEqual([left.length, sumOf(left.map(record => record.rows))])
      expect(waiting.before(offset)).toBe(left.filter(record => record.offset < offset).length)
    }),
  ))

test('the partition that waits longest comes first, however full another is', () => {
  const record = (offset: number, appended_at: number) => ({ offset, appended_at, bytes: 1, rows: 1 })
  const busy = Array.from({ length: 50 }, (_, offset) => record(offset, 1_000 + offset))
  const waiting = new Map([
    [0, waitingOf(busy, 50)],
    [1, waitingOf([record(7, 999)], 1)],
  ])
  expect(cutBatch(piecesIn(waiting), { rows_max: 10, bytes_max: 1_000 })).toEqual([
    { partition: 0, records: 9 },
    { partition: 1, records: 1 },
  ])
})
