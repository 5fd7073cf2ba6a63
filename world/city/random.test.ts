import { expect, test } from 'vitest'
import { draws, weightedIndex } from './random.ts'

const first = (count: number, seed: number, ...names: string[]): number[] => {
  const draw = draws(seed, ...names)
  return Array.from({ length: count }, () => draw.uniform())
}

test('a stream is known by its seed and its names, and by nothing else', () => {
  const undisturbed = first(5, 1, 'order', '7')
  const other = draws(1, 'order', '6')
  other.uniform()
  expect(first(5, 1, 'order', '7')).toEqual(undisturbed)
  expect(first(5, 2, 'order', '7')).not.toEqual(undisturbed)
  expect(first(5, 1, 'order', '8')).not.toEqual(undisturbed)
  expect(first(5, 1, 'order/7')).toEqual(undisturbed)
})

test('neighbouring streams are not alike', () => {
  const means = Array.from({ length: 200 }, (_, i) => draws(1, 'courier', i).uniform())
  const mean = means.reduce((sum, one) => sum + one, 0) / means.length
  expect(mean).toBeGreaterThan(0.42)
  expect(mean).toBeLessThan(0.58)
  expect(new Set(means).size).toBe(200)
})

test('draws keep to their means', () => {
  const draw = draws(3, 'means')
  const average = (one: () => number): number => Array.from({ length: 20_000 }, one).reduce((a, b) => a + b, 0) / 20_000
  expect(average(() => draw.exponential(4))).toBeCloseTo(4, 0)
  expect(average(() => draw.normal(10, 2))).toBeCloseTo(10, 1)
  expect(average(() => draw.whole(1, 6))).toBeCloseTo(3.5, 1)
})

test('weights are shares', () => {
  const index = weightedIndex([1, 0, 3])
  const draw = draws(1, 'weights')
  const hits = [0, 0, 0]
  for (let i = 0; i < 10_000; i++) {
    const at = index(draw.uniform())
    hits[at] = (hits[at] ?? 0) + 1
  }
  expect(hits[1]).toBe(0)
  expect((hits[2] ?? 0) / (hits[0] ?? 1)).toBeCloseTo(3, 0)
})
