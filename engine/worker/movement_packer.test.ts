import { expect, test } from 'vitest'
import { entriesOf, type LedgerEntry, type MovedRecord, type Movement } from '../../ingest/events/movements.ts'
import { newMovementPacker } from './movement_packer.ts'
import { newPackerRoom, unpackRecords } from './pack.ts'

const place = { tenant_id: 't', zone_id: 'z' }
const head = { epoch: 3, fold_version: 'f' }

const reserved = (n: number): Movement => ({
  ...{ warehouse_id: `w${n % 10}`, sku: `sku-${n % 500}`, on_hand: 0, reserved: 1 + (n % 3), safety: 0, in_transit: 0 },
  ...{ cause: 'reserved', ref: `order-${n}` },
})

const recordsOf = (packer: ReturnType<typeof newMovementPacker>): MovedRecord[] =>
  unpackRecords(packer.pack()).map(({ value }) => JSON.parse(value.toString()) as MovedRecord)

test('what goes in comes out, in order, whatever it is', () => {
  const packer = newMovementPacker(head, newPackerRoom())
  const wanted: LedgerEntry[] = []
  for (let n = 0; n < 5_000; n += 1) {
    const source_offset = 7 + n * 2
    const picked: Movement = { ...reserved(n + 1), on_hand: -n, cause: 'picked' }
    const moved = [reserved(n), picked].slice(0, n % 3)
    if (n === 4_999) moved.push({ ...reserved(1), safety: 4, in_transit: -2, ref: 'ö"\\🐝', cause: 'transfer_sent' })
    packer.add(place, source_offset, 1_000_000 - n, moved)
    wanted.push(...moved.map(one => ({ ...place, ...one, source_offset, at: 1_000_000 - n })))
  }
  const records = recordsOf(packer)
  expect(records.length).toBeGreaterThan(1)
  expect(records.flatMap(entriesOf)).toEqual(wanted)
  for (const { epoch, fold_version, from_offset, to_offset, rows } of records) {
    expect({ epoch, fold_version }).toEqual(head)
    expect(rows.source_offset.at(-1)).toBe(Number(to_offset) - Number(from_offset))
  }
})

test('records stay small, and a source offset stays whole', () => {
  const packer = newMovementPacker(head, newPackerRoom())
  for (let n = 0; n < 300; n += 1) {
    const count = n === 150 ? 4_000 : 50
    const moved = Array.from({ length: count }, (_, row) => ({
      ...reserved(row),
      // Each another one: a word that comes again takes no room.
      ref: `${'r'.repeat(n === 150 ? 80 : 400)}${n}-${row}`,
    }))
    packer.add(place, n, n, moved)
  }
  const records = unpackRecords(packer.pack())
  const offsets = new Set<number>()
  for (const { value } of records) {
    const record = JSON.parse(value.toString()) as MovedRecord
    const entries = entriesOf(record)
    const mine = new Set(entries.map(entry => entry.source_offset))
    for (const offset of mine) expect(offsets.has(offset)).toBe(false)
    for (const offset of mine) offsets.add(offset)
    if (!mine.has(150)) expect(value.length).toBeLessThan(500_000)
    expect(value.length).toBeLessThan(900_000)
  }
  expect(offsets.size).toBe(300)
})

test('letters that take more bytes than one have their room', () => {
  const packer = newMovementPacker(head, newPackerRoom())
  const ref = '€🐝'.repeat(20_000)
  packer.add(place, 1, 1, [{ ...reserved(1), ref }])
  expect(recordsOf(packer).flatMap(entriesOf)).toMatchObject([{ ref }])
})

test('nothing moved, no record', () => {
  const packer = newMovementPacker(head, newPackerRoom())
  packer.add(place, 1, 1, [])
  expect(recordsOf(packer)).toEqual([])
})
