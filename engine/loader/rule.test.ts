import { tableFromIPC } from 'apache-arrow'
import { array, assert, constantFrom, integer, nat, property, record } from 'fast-check'
import { expect, test } from 'vitest'
import type { Movement } from '../../ingest/events/movements.ts'
import { newMovementPacker } from '../worker/movement_packer.ts'
import { newPackerRoom, unpackRecords } from '../worker/pack.ts'
import { openMemory } from './arrow.ts'
import { encodeBatch } from './batch.ts'
import { NOTHING_SEEN, type RuleState } from './rule.ts'
import { stretchOf, wholeOf } from './waiting.ts'

/** The topic `movements` under every owner's fate: each movement counts once, however it was cut, told again or told late. */

const place = { tenant_id: 't', zone_id: 'z' }
const marker = (epoch: number) => Buffer.from(JSON.stringify({ kind: 'owner', epoch, fold_version: 'f', owner: 'o' }))

/** What the fold moves at an offset: the same for every owner, for the fold is deterministic. */
function movedAt(offset: number): Movement[] {
  return Array.from({ length: (offset * 7) % 4 }, (_, row) => ({
    ...{ warehouse_id: `w${offset % 3}`, sku: `s${(offset + row) % 5}`, on_hand: offset - row, reserved: row },
    ...{ safety: 0, in_transit: 0, cause: 'reserved', ref: `o${offset}.${row}` },
  }))
}

/** Records of one owner from `from` to before `to`, in batches of the sizes given, over and over. */
function told(epoch: number, from: number, to: number, batches: readonly number[]): Buffer[] {
  const values: Buffer[] = []
  for (let at = from, turn = 0; at < to; turn += 1) {
    const packer = newMovementPacker({ epoch, fold_version: 'f' }, newPackerRoom())
    const end = Math.min(to, at + (batches[turn % batches.length] ?? 1))
    for (; at < end; at += 1) packer.add(place, at, at * 10, movedAt(at))
    values.push(...unpackRecords(packer.pack()).map(({ value }) => value))
  }
  return values
}

/** An owner: folds again from `back` offsets before its forerunner's end, and tells `more` beyond it. */
const owners = array(
  record({
    ...{ back: nat(40), more: nat(40), batches: array(integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 5 }) },
    /** what of its records comes again, or after the next owner's marker */
    ...{ twice: nat(5), late: nat(60), fate: constantFrom('none', 'twice', 'late', 'both') },
  }),
  { minLength: 1, maxLength: 6 },
)

function logOf(lives: readonly Life[]): { log: Buffer[]; end: number } {
  const log: Buffer[] = []
  let end = 0
  let late: Buffer[] = []
  for (const [index, { back, more, batches, twice, fate, late: beyond }] of lives.entries()) {
    const epoch = index + 1
    log.push(marker(epoch))
    const from = Math.max(0, end - back)
    end = Math.max(end, from + more)
    const mine = told(epoch, from, end, batches)
    // The former owner wakes up in the middle of it, and tells what it folded beyond.
    const half = mine.length >> 1
    log.push(...mine.slice(0, half), ...late.splice(0), ...mine.slice(half))
    // Sent again after a cut connection: the last ones, in order.
    if (fate === 'twice' || fate === 'both') log.push(...mine.slice(mine.length - Math.min(twice, mine.length)))
    if (fate === 'late' || fate === 'both') late = told(epoch, end, end + beyond, batches)
  }
  // A last owner tells all that the others left.
  const epoch = lives.length + 1
  log.push(marker(epoch), ...late, ...told(epoch, Math.max(0, end - 25), end + 10, [11]))
  return { log, end: end + 10 }
}

interface Life {
  back: number
  more: number
  batches: number[]
  twice: number
  late: number
  fate: 'none' | 'twice' | 'late' | 'both'
}

/** What counts, as ClickHouse gets it, loaded in batches of some records each, with the rule's state between them. */
function counted(log: readonly Buffer[], batch_records: number): string[] {
  const counts: string[] = []
  let before: RuleState = NOTHING_SEEN
  for (let at = 0; at < log.length; at += batch_records) {
    const messages = log
      .slice(at, at + batch_records)
      .map((value, index) => ({ offset: at + index, appended_at: 1, key: null, value, headers: {} }))
    const records = [wholeOf(stretchOf('movements', messages))]
    const { bytes, after } = encodeBatch(openMemory('movements'), [{ partition: 0, records, before }])
    before = after[0] ?? before
    for (const row of tableFromIPC(bytes)) {
      if (row.type === 'unreadable') throw new Error(row.data)
      if (row.type === 'moved' && row.void === 0) counts.push(`${row.source_offset} ${row.ref} ${row.on_hand}`)
    }
  }
  return counts
}

test('each movement counts once, in order, whatever owners did', { timeout: 60_000 }, () =>
  assert(
    property(owners, integer({ min: 1, max: 9 }), (lives, batch_records) => {
      const { log, end } = logOf(lives)
      const wanted = Array.from({ length: end }, (_, offset) => offset).flatMap(offset =>
        movedAt(offset).map(({ ref, on_hand }) => `${offset} ${ref} ${on_hand}`),
      )
      expect(counted(log, batch_records)).toEqual(wanted)
    }),
    { numRuns: 100 },
  ),
)
