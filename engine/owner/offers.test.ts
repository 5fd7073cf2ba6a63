import { describe, expect, test } from 'vitest'
import { partitionOf } from '../../ingest/contract.ts'
import type { Decision } from '../../ingest/events/decisions.ts'
import type { Owner } from '../owner.ts'
import { decisionsOf, only, Town, typesOf } from '../town.testing.ts'
import type { Offer } from '../worker/protocol.ts'
import type { Outcome } from '../zone.ts'
import type { OwnerEffects } from './effects.ts'
import { offerOf, offersAreOut, publishOffers } from './offers.ts'

/** A border between two zones: what one refuses is offered to the other, once. */

const north = (stock: number, more: object = {}) => {
  const town = new Town({ n1: { meters: 1_000, stock: { milk: stock } } }, 'north')
  town.send('policy.changed', { policy: { ...town.zone.policy, neighbours: ['north', 'south'], ...more } })
  return town
}
const south = (stock: number) => {
  const town = new Town({ s1: { meters: 4_000, stock: { milk: stock } } }, 'south')
  town.send('policy.changed', { policy: { ...town.zone.policy, neighbours: ['north'] } })
  return town
}

/** What goes over the border because of an outcome. */
function over(from: Town, to: Town, outcome: Outcome): Outcome[] {
  const source = { offset: 7, event: { tenant_id: 'demo', correlation_id: 'c', event_id: 'e' } }
  return decisionsOf(outcome).flatMap(decision => {
    const offer = offerOf(from.zone, source as Parameters<typeof offerOf>[1], decision)
    return offer ? to.send(offer.type, offer.data) : []
  })
}

describe('an order that its zone refuses', () => {
  test('for stock is offered to the first neighbour that is not itself, and taken there', () => {
    const [here, there] = [north(0), south(5)]
    const outcome = here.place('o1', { milk: 1 })
    expect(only(outcome, 'order.offered')).toMatchObject({
      to_zone_id: 'south',
      reason: 'out_of_stock',
      line_id: 'milk',
    })
    expect(here.order('o1')).toMatchObject({ state: 'offered', offered_to: 'south' })
    const [taken] = over(here, there, outcome)
    expect(taken && only(taken, 'order.routed')).toMatchObject({ from_zone_id: 'north', placed_at: here.now })
    expect(there.stock('s1', 'milk').reserved).toBe(1)
  })

  test('and the neighbour too is rejected for good: it is never offered on', () => {
    const [here, there] = [north(0), south(0)]
    const [refused] = over(here, there, here.place('o1', { milk: 1 }))
    expect(refused && typesOf(refused)).toEqual(['order.rejected'])
    expect(refused && only(refused, 'order.rejected')).toMatchObject({ from_zone_id: 'north', reason: 'out_of_stock' })
  })

  test('is told twice and taken once', () => {
    const [here, there] = [north(0), south(5)]
    const outcome = here.place('o1', { milk: 1 })
    over(here, there, outcome)
    expect(over(here, there, outcome).map(({ kind }) => kind)).toEqual(['duplicate'])
    expect(there.stock('s1', 'milk').reserved).toBe(1)
    expect(here.place('o1', { milk: 1 }).kind).toBe('duplicate')
  })

  test.each([
    ['a place that nobody serves', { point: { lat: 40, lng: -87 }, cell: '892664520a7ffff' }],
    ['a warehouse that was asked for', { warehouse_id: 'n1' }],
  ])('is not offered for %s', (_why, more) => {
    expect(typesOf(north(0).place('o1', { milk: 1 }, more))).toEqual(['order.rejected'])
  })

  test('is not offered where the policy names nobody', () => {
    expect(typesOf(north(0, { neighbours: ['north'] }).place('o1', { milk: 1 }))).toEqual(['order.rejected'])
    expect(typesOf(north(0, { neighbours: [] }).place('o1', { milk: 1 }))).toEqual(['order.rejected'])
  })

  test('and is cancelled meanwhile: the word goes after it', () => {
    const [here, there] = [north(0), south(5)]
    over(here, there, here.place('o1', { milk: 1 }))
    const asked = here.send('order.cancel_asked', { order_id: 'o1', reason: 'changed_mind' })
    expect(only(asked, 'order.cancel_passed')).toMatchObject({ to_zone_id: 'south' })
    const [cancelled] = over(here, there, asked)
    expect(cancelled && only(cancelled, 'order.cancelled')).toMatchObject({ by: 'customer', reason: 'changed_mind' })
    expect(there.stock('s1', 'milk').reserved).toBe(0)
    expect(here.order('o1').state).toBe('offered')
  })
})

// ── How the shell sends it ──────────────────────────────────────────────────────────────────────────────────────────

const offerNamed = (order_id: string): Offer => {
  const head = { tenant_id: 'demo', zone_id: 'south', occurred_at: 1, correlation_id: 'c', causation_id: 'e' }
  return { ...head, type: 'order.cancel_asked', data: { order_id, reason: 'changed_mind' } }
}

/** Postgres and Kafka as they may behave; `newest` and `send` answer in turn, the last answer stands. */
function shell(newest: (boolean | Error)[], failures = 0) {
  const sent: { partition: number; key: string; order_id: string }[] = []
  let left = failures
  const owner = {
    ...{ partition: 3, epoch: 5, offering: Promise.resolve(), offers_waiting: 0 },
    ended: new AbortController(),
  } as Partial<Owner> as Owner
  const effects: Partial<OwnerEffects> = {
    isNewestOwner: async () => {
      const answer = newest.length > 1 ? newest.shift() : newest[0]
      if (answer instanceof Error) throw answer
      return answer ?? false
    },
    send: async (_topic, { partition, key, value }) => {
      left -= 1
      if (left >= 0) throw new Error('Kafka is away')
      sent.push({ partition, key: String(key), order_id: JSON.parse(String(value)).data.order_id })
      return { offset: sent.length }
    },
    wait: async () => undefined,
    newId: () => 'id',
    now_ms: () => 1,
    log: { info: () => undefined, warn: () => undefined },
  }
  const settings = { namespace: 'n', partitions: 8, owner: 'me', checkpoint_every_ms: 1 }
  const publish = (...order_ids: string[]) =>
    publishOffers(owner, order_ids.map(offerNamed), settings, effects as OwnerEffects)
  return { owner, effects: effects as OwnerEffects, sent, publish }
}

describe('offers go out', () => {
  const partition = partitionOf('south', 8)

  test("to the neighbour's partition, in order, behind those that wait", async () => {
    const { publish, owner, sent, effects } = shell([true])
    await publish('o1', 'o2')
    await publish('o3')
    expect(owner.offers_waiting).toBe(3)
    await owner.offering
    expect(await offersAreOut(owner, effects)).toBe(true)
    expect(sent.map(({ order_id }) => order_id)).toEqual(['o1', 'o2', 'o3'])
    expect(sent[0]).toMatchObject({ partition, key: 'south' })
  })

  test('once Postgres and Kafka answer again; until then there is no checkpoint', async () => {
    const { publish, owner, sent } = shell([new Error('Postgres is away'), new Error('still'), true], 2)
    await publish('o1', 'o2')
    expect(await offersAreOut(owner, { ...shell([true]).effects })).toBe(false)
    await owner.offering
    expect(owner.offers_waiting).toBe(0)
    expect(sent.map(({ order_id }) => order_id)).toEqual(['o1', 'o2'])
  })

  test('not from an owner who was replaced: the decision may be void', async () => {
    const { publish, owner, sent, effects } = shell([false])
    await publish('o1')
    await expect(owner.offering).rejects.toThrow('lost')
    expect(sent).toEqual([])
    expect(await offersAreOut(owner, effects)).toBe(false)
  })
})

test('no other decision concerns a neighbour', () => {
  const town = north(5)
  const decisions: readonly Decision[] = decisionsOf(town.place('o1', { milk: 1 }))
  const source = { offset: 1, event: { tenant_id: 'demo', correlation_id: 'c', event_id: 'e' } }
  expect(decisions.map(one => offerOf(town.zone, source as Parameters<typeof offerOf>[1], one))).toEqual([null])
})
