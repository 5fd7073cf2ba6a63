import fc from 'fast-check'
import { expect, test } from 'vitest'
import { PackedIds } from './ids.ts'
import { PackedRows } from './rows.ts'

/** Packed rows and ids against a plain Map of plain texts, over few ids, so that they meet, and texts that outgrow their blocks. */

interface Row {
  text: string
  list: number[]
}

const IDS = Array.from({ length: 40 }, (_, n) => `id-${n}`)
const LENGTHS = [0, 1, 30, 60, 200, 5_000, 1_100_000]

const act = fc.record({
  kind: fc.constantFrom('set', 'set', 'change', 'look', 'delete', 'settle', 'settle', 'checkpoint', 'whole', 'restore'),
  id: fc.constantFrom(...IDS),
  // The longest one does not fit a page: now and then is enough.
  length: fc.oneof({ weight: 60, arbitrary: fc.constantFrom(...LENGTHS.slice(0, -1)) }, fc.constantFrom(...LENGTHS)),
  letter: fc.constantFrom('a', 'é', '→', '😀'),
})

const sorted = (entries: Iterable<[string, Row]>) => [...entries].sort(([a], [b]) => (a < b ? -1 : 1))

function take(rows: PackedRows<string, Row>, whole: boolean, checkpoint: Map<string, string>): string[] {
  const taken: string[] = []
  if (whole) checkpoint.clear()
  for (const [key, text] of whole ? rows.takeAll() : rows.takeChanged()) {
    taken.push(key)
    if (text === 'null') checkpoint.delete(key)
    else checkpoint.set(key, text)
  }
  return taken
}

test('rows are what a Map holds, and a checkpoint of what changed is what they are', () => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 150 }), acts => {
      const rows = new PackedRows<string, Row>()
      const model = new Map<string, Row>()
      const checkpoint = new Map<string, string>()
      const changed = new Set<string>()
      for (const { kind, id, length, letter } of acts) {
        const row = { text: letter.repeat(length), list: [length] }
        const known = model.get(id)
        if (kind === 'set') {
          rows.set(id, structuredClone(row))
          model.set(id, row)
          changed.add(id)
        } else if (kind === 'change') {
          const own = rows.get(id)
          expect(own).toEqual(known)
          if (!own || !known) continue
          for (const one of [own, known]) one.list.push(one.list.length)
          changed.add(id)
        } else if (kind === 'look') {
          const looked = rows.peek(id)
          expect(looked).toEqual(known)
          // Whoever holds it while a step lasts sees what the step makes of it.
          expect(rows.peek(id)).toBe(looked)
          expect(rows.has(id)).toBe(model.has(id))
        } else if (kind === 'delete') {
          expect(rows.delete(id)).toBe(model.delete(id))
          if (known) changed.add(id)
        } else if (kind === 'settle') {
          rows.settle()
        } else if (kind === 'checkpoint') {
          const taken = take(rows, false, checkpoint)
          expect(taken.toSorted()).toEqual([...changed].sort())
          changed.clear()
        } else if (kind === 'whole') {
          expect(take(rows, true, checkpoint).toSorted()).toEqual([...model.keys()].sort())
          changed.clear()
        } else if (!changed.has(id)) {
          rows.restore(id, known ? row : null)
          if (!known) continue
          model.set(id, row)
          checkpoint.set(id, JSON.stringify(row))
        }
        expect(rows.size).toBe(model.size)
        if (kind === 'checkpoint' || kind === 'whole') {
          expect(rows.changedCount).toBe(0)
          expect(sorted([...checkpoint].map(([key, text]) => [key, JSON.parse(text)]))).toEqual(sorted(model))
        }
      }
      expect(sorted(rows)).toEqual(sorted(model))
    }),
    { numRuns: 300 },
  )
})

test('what changes while all rows are being taken is in them or taken next', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(200), fc.nat(500), fc.boolean()), { minLength: 20, maxLength: 200 }), acts => {
      const rows = new PackedRows<string, Row>()
      for (let n = 0; n < 150; n += 1) rows.set(`id-${n}`, { text: 'x'.repeat(n), list: [] })
      const checkpoint = new Map<string, string>()
      const all = rows.takeAll()
      const takeOne = () => {
        const { value, done } = all.next()
        if (!done) checkpoint.set(value[0], value[1])
        return !done
      }
      for (const [n, length, gone] of acts) {
        if (gone) rows.delete(`id-${n}`)
        else rows.set(`id-${n}`, { text: 'y'.repeat(length), list: [length] })
        rows.settle()
        takeOne()
      }
      while (takeOne());
      take(rows, false, checkpoint)
      expect(sorted([...checkpoint].map(([key, text]) => [key, JSON.parse(text)]))).toEqual(sorted(rows))
    }),
  )
})

test('a row that was let go is a picture', () => {
  const rows = new PackedRows<string, Row>()
  rows.set('one', { text: '', list: [] })
  const held = rows.get('one')
  rows.settle()
  held?.list.push(1)
  rows.settle()
  expect(rows.peek('one')).toEqual({ text: '', list: [] })
})

test('ids are what a Set holds, through growth and many deletions', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(3_000), fc.boolean()), { maxLength: 4_000, size: 'max' }), acts => {
      const [ids, model] = [new PackedIds<string>(), new Set<string>()]
      for (const [n, gone] of acts) {
        const id = `o-${n % 97}-${n}`
        if (gone) ids.delete(id)
        else ids.add(id)
        if (gone) model.delete(id)
        else model.add(id)
        expect(ids.has(id)).toBe(!gone)
      }
      expect(ids.size).toBe(model.size)
      expect([...ids].sort()).toEqual([...model].sort())
    }),
    { numRuns: 30 },
  )
})
