import { expect, test } from 'vitest'
import { type Fault, KINDS, planOf } from './plan.ts'

const first = (seed: number, count: number, kinds?: readonly string[]): Fault[] => {
  const plan = planOf(seed, kinds)
  return Array.from({ length: count }, () => plan.next().value)
}

test('the plan follows from the seed, and another seed is another plan', () => {
  expect(first(7, 100)).toEqual(first(7, 100))
  expect(first(8, 100)).not.toEqual(first(7, 100))
})

test('every kind comes before any comes again', () => {
  const dealt = first(3, KINDS.length * 2).map(fault => fault.kind)
  expect(new Set(dealt.slice(0, KINDS.length))).toEqual(new Set(KINDS))
  expect(new Set(dealt.slice(KINDS.length))).toEqual(new Set(KINDS))
})

test('some come while another one is on', () => {
  const share = first(3, 400).filter(fault => fault.together).length / 400
  expect(share).toBeGreaterThan(0.1)
  expect(share).toBeLessThan(0.3)
})

test('a kind that there is not is told', () => {
  expect(() => first(1, 1, ['kafka.sulks'])).toThrow(/no fault kafka.sulks: choose of engine.kill/)
})
