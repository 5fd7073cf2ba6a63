import fc from 'fast-check'
import { expect, test } from 'vitest'
import { START, Town } from './town.testing.ts'

/**
 * Stock against a model that forgets nothing: a list of what came and went, and the newest count. What is told late, and
 * happened before that count, was seen by whoever counted.
 */

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const MILK = { warehouse_id: 'near', sku: 'milk', unit: 'each' }

interface Model {
  on_hand: number
  counted_as_of: number
  moves: { at: number; delta: number }[]
}

function modelMoves(model: Model, delta: number, told_at: number, now: number): void {
  const at = Math.min(told_at, now)
  if (at < model.counted_as_of) return
  const moved = Math.max(delta, -model.on_hand)
  model.on_hand += moved
  model.moves.push({ at, delta: moved })
}

function modelCounts(model: Model, quantity: number, as_of: number, now: number): 'taken' | 'superseded' {
  if (as_of < now - HOUR || as_of < model.counted_as_of) return 'superseded'
  const after = model.moves.filter(({ at }) => at > as_of).reduce((sum, { delta }) => sum + delta, 0)
  model.on_hand = Math.max(0, quantity + after)
  model.counted_as_of = Math.min(as_of, now)
  // What was not above the count is in it; it must not be added to an older count again.
  model.moves = model.moves.filter(({ at }) => at > as_of)
  return 'taken'
}

const act = fc.record({
  kind: fc.constantFrom('received', 'adjusted', 'put_back', 'waste', 'counted', 'counted'),
  amount: fc.integer({ min: 1, max: 12 }),
  less: fc.boolean(),
  wait_ms: fc.integer({ min: 0, max: 4 * MINUTE }),
  // Up to a quarter of an hour late, at times more than an hour, at times from a clock that runs ahead.
  late_ms: fc.oneof(fc.integer({ min: -MINUTE, max: 15 * MINUTE }), fc.integer({ min: 50 * MINUTE, max: 70 * MINUTE })),
})

test('counts, corrections, deliveries and goods put back, late and out of order, leave what a plain list says', () => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 40 }), acts => {
      const town = new Town({ near: { meters: 500, stock: { milk: 10 } } })
      const model: Model = { on_hand: 10, counted_as_of: START, moves: [] }
      for (const { kind, amount, less, wait_ms, late_ms } of acts) {
        town.now += wait_ms
        const told_at = town.now - late_ms
        if (kind === 'counted') {
          const outcome = town.send('stock.counted', { ...MILK, quantity: amount, as_of: told_at })
          const expected = modelCounts(model, amount, told_at, town.now)
          expect(outcome.kind).toBe(expected === 'taken' ? 'ok' : 'superseded')
        } else if (kind === 'adjusted') {
          const delta = less ? -amount : amount
          town.send('stock.adjusted', { ...MILK, delta, reason: 'damaged' }, told_at)
          modelMoves(model, delta, told_at, town.now)
        } else if (kind === 'received') {
          town.send('stock.received', { ...MILK, quantity: amount }, told_at)
          modelMoves(model, amount, told_at, town.now)
        } else {
          const condition = kind === 'put_back' ? 'sellable' : 'waste'
          town.send('stock.put_back', { ...MILK, quantity: amount, condition }, told_at)
          if (kind === 'put_back') modelMoves(model, amount, told_at, town.now)
        }
        expect(town.stock('near', 'milk').on_hand).toBe(model.on_hand)
      }
    }),
    { numRuns: 300 },
  )
})
