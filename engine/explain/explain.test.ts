import { expect, test } from 'vitest'
import { SimulatedZone, zoneIn } from '../simulated_log.ts'
import { newZone, type ZoneState } from '../state.ts'
import { decodeOperation } from '../worker/decode.ts'
import { step } from '../zone.ts'
import { newLife, noteHappened } from './order.ts'
import { tell } from './sentences.ts'
import { newStory, noteMoved, stockAt } from './stock.ts'
import { lifeText, stockText } from './text.ts'

const PARTITIONS = 2
const ZONE = zoneIn(0, PARTITIONS) as ZoneState['zone_id']
const UTC = 'UTC'

function* happenings(seed: number, length: number) {
  const source = new SimulatedZone(ZONE, seed)
  const zone = newZone(ZONE, 'demo' as ZoneState['tenant_id'])
  const opening = source.opening()
  for (let offset = 0; offset < length; offset += 1) {
    const { appended_at, value } = opening[offset] ?? source.next(zone)
    const decoded = decodeOperation(String(value), 0, PARTITIONS)
    if (!('event' in decoded)) continue
    const event = { offset, appended_at, event: decoded.event }
    yield { source: event, zone, outcome: step(zone, event), decided: true }
  }
}

test('the movements that are told add up to what is there, and what is promised to what is reserved', () => {
  for (const seed of [1, 2, 3]) {
    const stories = ['w1', 'w2', 'w3', 'w4'].flatMap(id => ['milk', 'eggs'].map(sku => newStory(null, id, sku, 5)))
    let zone: ZoneState | null = null
    let offset = 0
    for (const happened of happenings(seed, 1_200)) {
      zone = happened.zone
      offset = happened.source.offset
      for (const story of stories) noteMoved(story, happened)
    }
    if (!zone) throw new Error('there was something')
    for (const story of stories) {
      const at = stockAt(zone, story.warehouse_id, story.sku)
      if (!at) throw new Error('the opening counts all of them')
      const { on_hand, reserved, safety, in_transit } = at
      expect(story.levels).toEqual({ on_hand, reserved, safety, in_transit })
      expect(at.promised.reduce((sum, { quantity }) => sum + quantity, 0)).toBe(reserved)
      const told = { zone_id: ZONE, partition: 0, offset, time: zone.time, since_offset: 0, story, at, undecided: 0 }
      const text = stockText(told, UTC)
      expect(text).toContain(`on hand ${on_hand} · reserved ${reserved}`)
      expect(text).toContain(`5 of ${story.moved_count} movements`)
      expect(text).not.toMatch(/undefined|NaN|\[object/)
    }
  }
})

test('every order of a made-up log can be told, and every decision has its words', () => {
  const past = [...happenings(4, 1_200)]
  const ids = new Set<string>()
  for (const { outcome } of past) {
    for (const decision of 'decisions' in outcome ? outcome.decisions : []) {
      expect(tell(decision, String)).not.toMatch(/undefined|NaN|\[object/)
      if ('order_id' in decision) ids.add(decision.order_id)
    }
  }
  expect(ids.size).toBeGreaterThan(50)
  for (const order_id of [...ids].slice(0, 40)) {
    const life = newLife(order_id, ZONE)
    for (const happened of past) noteHappened(life, happened)
    expect(life.steps.length).toBeGreaterThan(0)
    const text = lifeText(life, 0, [], UTC)
    expect(text).toContain(`order ${order_id} · zone ${ZONE}`)
    expect(text).not.toMatch(/undefined|NaN|\[object/)
  }
})
