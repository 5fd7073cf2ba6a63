import fc from 'fast-check'
import { expect, test } from 'vitest'
import { contentOf } from './content.ts'

/** Against the canonical text that says exactly when two wishes are the same. */

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  const fields = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${canonical(field)}`).join(',')}}`
}

function turned(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(turned)
  if (value === null || typeof value !== 'object') return value
  const fields = Object.entries(value).toReversed()
  return Object.fromEntries(fields.map(([name, field]) => [name, turned(field)]))
}

const json = fc.object({ maxDepth: 3, maxKeys: 4, key: fc.constantFrom('a', 'b', 'c', '1', 'ab'), values: values() })

function values() {
  const numbers = fc.constantFrom(0, 1, -1, 2, 0.5, 1e21, 2 ** 53)
  return [fc.constantFrom('', 'a', 'b', 'ab', '1', 'é'), numbers, fc.boolean(), fc.constant(null)]
}

test('the same in whatever order the fields came', () => {
  fc.assert(
    fc.property(json, value => {
      expect(contentOf(turned(value) as object)).toBe(contentOf(value))
    }),
  )
})

test('equal exactly when the canonical texts are', () => {
  const hashes = new Map<string, string>()
  fc.assert(
    fc.property(json, value => {
      const text = canonical(value)
      const known = hashes.get(contentOf(value))
      expect(known === undefined || known === text, `${known} and ${text}`).toBe(true)
      hashes.set(contentOf(value), text)
    }),
    { numRuns: 3_000 },
  )
  expect(hashes.size).toBeGreaterThan(1_000)
})

test.each([
  [{ lines: [1, 2] }, { lines: [2, 1] }],
  [
    { a: 'b', b: 'a' },
    { a: 'a', b: 'b' },
  ],
  [{ a: { b: 1 } }, { b: { a: 1 } }],
  [{ a: 1 }, { a: '1' }],
  [{ a: [] }, { a: {} }],
  [{ a: [[1], 2] }, { a: [1, [2]] }],
  [{ a: 1, b: 1 }, { a: 1 }],
  [{ a: true }, { a: false }],
])('%j is not %j', (one, other) => {
  expect(contentOf(one)).not.toBe(contentOf(other))
})

test('among a hundred thousand orders that differ in one number no two are the same', () => {
  const seen = new Set<string>()
  for (let n = 0; n < 100_000; n += 1) seen.add(contentOf({ order_id: `o-${n}`, lines: [{ quantity: n % 7 }] }))
  expect(seen.size).toBe(100_000)
})
