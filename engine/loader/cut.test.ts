import { array, assert, constantFrom, integer, nat, property, tuple } from 'fast-check'
import { expect, test } from 'vitest'
import { cutBatch, DAY_MS, dayOf } from './cut.ts'
import type { WaitingRecord } from './records.ts'

const limits = { rows_max: 20, bytes_max: 500 }

/** Per partition: records as [rows, bytes, ms since the one before], across the end of a day. */
const logs = array(array(tuple(integer({ min: 1, max: 25 }), nat(600), constantFrom(0, 1, 5, 20)), { maxLength: 30 }), {
  maxLength: 5,
})

function waitingOf(partitions: [number, number, number][][]): Map<number, WaitingRecord[]> {
  return new Map(
    partitions.map((records, partition) => {
      let appended_at = DAY_MS - 40
      const list = records.map(([rows, bytes, later], offset) => {
        appended_at += later
        return { offset, appended_at, bytes, rows, value: null, headers: {} }
      })
      return [partition, list]
    }),
  )
}

test('batch after batch takes everything, in order, each within a day and the limits', () =>
  assert(
    property(logs, partitions => {
      const waiting = waitingOf(partitions)
      const total = [...waiting.values()].reduce((sum, list) => sum + list.length, 0)
      let taken = 0
      while ([...waiting.values()].some(list => list.length > 0)) {
        const cut = cutBatch(waiting, limits)
        const records = cut.flatMap(({ partition, records }) => waiting.get(partition)?.splice(0, records) ?? [])
        expect(records.length).toBeGreaterThan(0)
        expect(new Set(records.map(record => dayOf(record.appended_at))).size).toBe(1)
        expect(new Set(cut.map(part => part.partition)).size).toBe(cut.length)
        const rows = records.reduce((sum, record) => sum + record.rows, 0)
        const bytes = records.reduce((sum, record) => sum + record.bytes, 0)
        if (records.length > 1) {
          expect(rows).toBeLessThanOrEqual(limits.rows_max)
          expect(bytes).toBeLessThanOrEqual(limits.bytes_max)
        }
        taken += records.length
      }
      expect(taken).toBe(total)
      expect(cutBatch(waiting, limits)).toEqual([])
    }),
  ))

test('the partition that waits longest comes first, however full another is', () => {
  const record = (offset: number, appended_at: number): WaitingRecord => ({
    ...{ offset, appended_at, bytes: 1, rows: 1, value: null, headers: {} },
  })
  const busy = Array.from({ length: 50 }, (_, offset) => record(offset, 1_000 + offset))
  const cut = cutBatch(
    new Map([
      [0, busy],
      [1, [record(7, 999)]],
    ]),
    { rows_max: 10, bytes_max: 1_000 },
  )
  expect(cut).toEqual([
    { partition: 0, records: 9 },
    { partition: 1, records: 1 },
  ])
})
