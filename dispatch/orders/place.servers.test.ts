import { randomUUIDv7 } from 'node:crypto'
import { Registry } from 'prom-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { EventDraft } from '../../ingest/contract.ts'
import type { TenantId } from '../../ingest/events/envelope.ts'
import { openPostgres, type Pool } from '../../ingest/io/postgres.ts'
import { HttpProblem } from '../../ingest/io/problem.ts'
import { migratePostgres } from '../../sql/migrate.ts'
import { type FreshDatabase, freshDatabase, testServers } from '../../world/servers/testing.ts'
import type { PlaceOrder } from '../contract.ts'
import { readOrder } from '../io/book.ts'
import { openMetrics } from '../metrics.ts'
import { openAnswers } from './answers.ts'
import { type PlaceEffects, placeOrder } from './place.ts'

/** Placing on the real Postgres while Kafka fails in every way it can: its effect is the one that is played here. */

let database: FreshDatabase
let pool: Pool

beforeAll(async () => {
  database = await freshDatabase(testServers(), migratePostgres)
  pool = openPostgres(database.url, { max: 5, service: 'test' })
})
afterAll(async () => {
  await pool.end()
  await database.drop()
})

const act = { tenant_id: 'demo' as TenantId, actor: 'partner:p', correlation_id: 'c', now: 1_000 }
const order = (external_id: string): PlaceOrder =>
  ({ external_id, point: { lat: 1, lng: 2 }, lines: [{ sku: 'milk', quantity: 1 }] }) as PlaceOrder

/** Kafka as a list of what it does with one publish after the other, and what it got. */
function playing(...acts: ('take' | 'refuse' | 'take and lose the reply')[]) {
  const log: EventDraft[] = []
  const answers = openAnswers()
  const hear = (draft: EventDraft) => {
    const { order_id } = draft.data as { order_id: string }
    const decision = { type: 'order.rejected', order_id, reason: 'full', retryable: true }
    const record = { kind: 'decided', epoch: 1, tenant_id: 'demo', decisions: [decision] }
    answers.hear(0, [{ offset: 0, record: record as never }])
  }
  const effects: PlaceEffects = {
    desk: { pool, now: () => 1_000, enqueue: async () => undefined, changed: () => undefined },
    answers,
    metrics: openMetrics(new Registry()),
    complete: draft => ({ zone_id: 'z', data: { ...(draft.data as object), cell: '8' } }),
    async publish(draft) {
      const next = acts.shift() ?? 'take'
      if (next !== 'refuse') log.push(draft)
      if (next !== 'take') throw new HttpProblem(503, 'kafka_unreachable', 'away')
      hear(draft)
      return { partition: 3, offset: log.length - 1 }
    },
  }
  return { effects, log }
}

describe('while Kafka is away', () => {
  test('the caller gets 503, nothing is placed, and asking again places it once', async () => {
    const { effects, log } = playing('refuse', 'refuse', 'take')
    await expect(placeOrder(effects, act, order('a'))).rejects.toMatchObject({ statusCode: 503 })
    await expect(placeOrder(effects, act, order('a'))).rejects.toMatchObject({ statusCode: 503 })
    const placed = await placeOrder(effects, act, order('a'))
    expect(placed).toMatchObject({ answer: { state: 'rejected', partition: 3, offset: '0' } })
    expect(log).toHaveLength(1)
    const again = await placeOrder(effects, act, order('a')).catch(() => undefined)
    expect(log).toHaveLength(1)
    expect(again).toMatchObject({ status: 202 })
  })

  test('an order that nobody acknowledged is not shown', async () => {
    const { effects, log } = playing('refuse', 'take')
    await expect(placeOrder(effects, act, order('b'))).rejects.toMatchObject({ statusCode: 503 })
    const { rows } = await pool.query<{ order_id: string }>(
      `SELECT order_id FROM order_requests WHERE external_id = 'b'`,
    )
    const order_id = rows[0]?.order_id ?? ''
    expect(await readOrder(pool, 'demo', order_id)).toBeUndefined()
    await placeOrder(effects, act, order('b'))
    expect((await readOrder(pool, 'demo', order_id))?.order).toMatchObject({ order_id, state: 'placed' })
    expect(log[0]?.data).toMatchObject({ order_id })
  })

  test('a lost reply leads to the same event again, with the same id: the engine drops it', async () => {
    const { effects, log } = playing('take and lose the reply', 'take')
    await expect(placeOrder(effects, act, order('c'))).rejects.toMatchObject({ statusCode: 503 })
    await placeOrder(effects, act, order('c'))
    expect(log).toHaveLength(2)
    expect(log[1]).toEqual(log[0])
    expect(log[0]?.data).not.toHaveProperty('cell')
  })

  test('an event id that the engine may have forgotten is made anew, the order stays', async () => {
    const { effects, log } = playing('take and lose the reply', 'take')
    await expect(placeOrder(effects, act, order('d'))).rejects.toMatchObject({ statusCode: 503 })
    const an_hour_ago = Date.now() - 3_600_000
    await pool.query(`UPDATE order_requests SET event_id = $1, event_made_at_wall = $2 WHERE external_id = 'd'`, [
      randomUUIDv7(),
      an_hour_ago,
    ])
    await placeOrder(effects, act, order('d'))
    expect(log[1]?.data).toEqual(log[0]?.data)
    expect(log[1]?.event_id).not.toBe(log[0]?.event_id)
  })
})
