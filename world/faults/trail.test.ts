import { expect, test } from 'vitest'
import type { Topic } from '../../ingest/contract.ts'
import { emptyRecord } from './record.ts'
import { emptyTrail, findLost, findPlacedTwice, follow, type Trail } from './trail.ts'

function trailOf(records: readonly (readonly [Topic, object])[]): Trail {
  const trail = emptyTrail()
  const next: Partial<Record<Topic, number>> = {}
  for (const [topic, value] of records) {
    const offset = next[topic] ?? 0
    next[topic] = offset + 1
    const message = { offset, appended_at: 0, key: null, value: Buffer.from(JSON.stringify(value)), headers: {} }
    follow(trail, topic, 3, message)
  }
  return trail
}

const placed = (external_id: string, order_id: string) =>
  ['operations', { event_id: `of-${order_id}`, type: 'order.placed', data: { external_id, order_id } }] as const
const decided = (epoch: number, source_offset: number, ...decisions: object[]) => {
  const at = { kind: 'decided', epoch, source_offset: String(source_offset), zone_id: 'z', decided_at: 65_000 }
  return ['decisions', { ...at, decisions }] as const
}
const owner = (epoch: number) => ['decisions', { kind: 'owner', epoch }] as const

test('what was acknowledged must lie where it was said to lie', () => {
  const trail = trailOf([placed('x1', 'a'), placed('x2', 'b')])
  const lostOf = (event_id: string, offset: number) =>
    findLost(trail, { ...emptyRecord(), events: [{ event_id, topic: 'operations', partition: 3, offset }] }, () => ({}))
  expect(lostOf('of-a', 0)).toEqual([])
  expect(lostOf('of-a', 1)[0]).toContain('it lies elsewhere')
  expect(lostOf('of-nobody', 1)[0]).toContain('it is nowhere')

  const order = { external_id: 'x1', order_id: 'a', partition: 3, offset: 0 }
  const record = { ...emptyRecord(), orders: [order] }
  const there = { type: 'order.placed', data: { external_id: 'x1', order_id: 'a' } }
  expect(findLost(trail, record, () => there)).toEqual([])
  expect(findLost(trail, record, () => ({ ...there, data: { external_id: 'x1', order_id: 'c' } }))).toHaveLength(1)
})

test('one wish with two orders is found', () => {
  expect(findPlacedTwice(trailOf([placed('x1', 'a'), placed('x1', 'a'), placed('x2', 'b')]))).toEqual([])
  expect(findPlacedTwice(trailOf([placed('x1', 'a'), placed('x1', 'b')]))).toEqual(['x1 was placed as a and b'])
})

test('records of the past and repeats are void, and count in no minute', () => {
  const routed = { type: 'order.routed', attempt: 1, placed_at: 1_000 }
  const cancelled = { type: 'order.cancelled', attempt: 1 }
  const trail = trailOf([
    owner(1),
    decided(1, 0, routed),
    owner(2),
    decided(1, 1, routed),
    decided(2, 0, routed),
    decided(2, 1, cancelled, cancelled),
  ])
  expect([...trail.decisions.values()].map(({ is_void }) => is_void)).toEqual([false, false, false, true, true, false])
  expect(trail.decisions.get('3/5')?.rows).toBe(2)
  expect(Object.fromEntries(trail.minutes)).toEqual({
    'z 0': { placed: 1, routed: 0, rejected: 0, cancelled: 0 },
    'z 60': { placed: 0, routed: 1, rejected: 0, cancelled: 2 },
  })
})
