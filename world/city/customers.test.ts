import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { PlaceOrder } from '../../dispatch/contract.ts'
import { shapeOf } from '../../ingest/io/shape.ts'
import { CATALOGUE, shelfAtStart, shelfTarget } from './catalogue.ts'
import { gapMs, plannedOrder } from './customers.ts'
import { missingByChance } from './evening.ts'

const evening = (seed: number, orders = 400) =>
  Array.from({ length: orders }, (_, i) => ({ ...plannedOrder(seed, i, 'run'), gap_ms: gapMs(seed, i, 9, i / 9) }))

test('the same seed gives the same evening, another one another', () => {
  expect(evening(7)).toEqual(evening(7))
  expect(evening(7).map(plan => plan.order.lines)).not.toEqual(evening(8).map(plan => plan.order.lines))
})

test('an order is the same whatever came before, and in every run', () => {
  const alone = plannedOrder(7, 300, 'monday')
  expect(alone.order.lines).toEqual(evening(7)[300]?.order.lines)
  expect(alone.order.external_id).toBe('monday-300')
})

test('the door would take every order', () => {
  const shape = shapeOf(PlaceOrder)
  for (const { order } of evening(1)) expect(shape.fits(order) || shape.fault(order)).toBe(true)
})

test('orders come at the rate asked for, of one to six different things', () => {
  const plans = evening(1, 5_000).map((plan, i) => ({ ...plan, gap_ms: gapMs(1, i, 9, 0) }))
  const mean_ms = plans.reduce((sum, plan) => sum + plan.gap_ms, 0) / plans.length
  expect(60_000 / mean_ms).toBeCloseTo(9, 0)
  for (const { order } of plans) {
    expect(order.lines.length).toBeGreaterThanOrEqual(1)
    expect(order.lines.length).toBeLessThanOrEqual(6)
    expect(new Set(order.lines.map(line => line.sku)).size).toBe(order.lines.length)
  }
  const cancelling = plans.filter(plan => plan.cancel !== undefined).length / plans.length
  expect(cancelling).toBeGreaterThan(0.02)
  expect(cancelling).toBeLessThan(0.06)
})

test('some three hundred things, a few of them in every second bag', () => {
  expect(CATALOGUE.length).toBeGreaterThan(290)
  expect(new Set(CATALOGUE.map(item => item.sku)).size).toBe(CATALOGUE.length)
  expect(CATALOGUE.every(item => item.price_cents > 0 && item.name !== '')).toBe(true)
  expect(CATALOGUE.reduce((sum, item) => sum + item.share, 0)).toBeCloseTo(1, 9)
  const top_twenty = CATALOGUE.slice(0, 20).reduce((sum, item) => sum + item.share, 0)
  expect(top_twenty).toBeGreaterThan(0.25)
  expect(top_twenty).toBeLessThan(0.5)
})

test('shelves are drawn per warehouse and item, never fuller than their target', () => {
  for (const item of CATALOGUE) {
    const target = shelfTarget(1, 'loop', item, 1)
    expect(target).toBe(shelfTarget(1, 'loop', item, 1))
    expect(shelfAtStart(1, 'loop', item, target)).toBeLessThanOrEqual(target)
  }
  const bare = CATALOGUE.filter(item => shelfAtStart(1, 'loop', item, shelfTarget(1, 'loop', item, 1)) === 0)
  expect(bare.length).toBeGreaterThan(0)
  expect(bare.length).toBeLessThan(20)
})

test('shorts are rare, the same in every run, and never more than was asked for', () => {
  const lines = evening(1, 3_000).flatMap(({ order }, i) => order.lines.map(line => ({ luck: String(i), line })))
  const missing = lines.map(({ luck, line }) =>
    missingByChance(1, luck, { line_id: line.line_id ?? '', quantity: line.quantity }),
  )
  expect(missing).toEqual(
    lines.map(({ luck, line }) => missingByChance(1, luck, { line_id: line.line_id ?? '', quantity: line.quantity })),
  )
  expect(missing.every((short, i) => short <= (lines[i]?.line.quantity ?? 0))).toBe(true)
  const share = missing.filter(short => short > 0).length / lines.length
  expect(share).toBeGreaterThan(0.003)
  expect(share).toBeLessThan(0.013)
})

test('the city knows Waggle by its doors only', () => {
  for (const file of [
    'city',
    'town',
    'evening',
    'hour',
    'recorded_words',
    'people',
    'doors',
    'call',
    'work',
    'customers',
    'warehouses',
    'couriers',
    'rides',
    'outbox',
    'shelves',
    'trouble',
    'breakdowns',
    'crowds',
    'ops_doors',
  ]) {
    const text = readFileSync(new URL(`${file}.ts`, import.meta.url), 'utf8')
    const values = [...text.matchAll(/^import (?!type)(.*) from '(.*)'/gm)].map(match => match[2])
    const allowed = /^(\.\/|node:|h3-js$|eventsource-parser$)/
    expect(values.filter(from => !allowed.test(from ?? ''))).toEqual([])
  }
})
