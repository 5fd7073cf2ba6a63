import { expect, test } from 'vitest'
import { NOWHERE, partitionOf } from '../ingest/contract.ts'
import type { DecisionRecord } from '../ingest/events/decisions.ts'
import { packMessages } from '../ingest/io/log_messages.ts'
import { foldBatch, loadPartition } from './partition.ts'
import { START, wishOf } from './town.testing.ts'
import { unpackRecords } from './worker/pack.ts'

/** Orders that lie in no zone share one, whoever's they are. */

const PARTITIONS = 8
const PARTITION = partitionOf(NOWHERE, PARTITIONS)

function message(offset: number, tenant_id: string, type: string, data: unknown) {
  const time = START.toString(16).padStart(12, '0')
  const event = {
    event_id: `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${offset.toString(16).padStart(12, '0')}`,
    type,
    schema_version: 1,
    tenant_id,
    zone_id: NOWHERE,
    occurred_at: START,
    received_at: START,
    source: 'test',
    actor: 'test:tenants',
    correlation_id: `c${offset}`,
    data,
  }
  return { offset, appended_at: START, key: null, value: Buffer.from(JSON.stringify(event)), headers: {} }
}

test('ids of one tenant never meet those of another, not even in the zone that all share', () => {
  const nothing = { next_offset: 0, bytes: null }
  const at = { partition: PARTITION, partitions: PARTITIONS, epoch: 1 }
  const held = loadPartition({ kind: 'load', ...at, operations: nothing, couriers: nothing })
  const clock = { wall_ms: START, time_ms: START + 7_000_000, rate: 10 }
  const messages = packMessages([
    message(0, 'one', 'clock.set', clock),
    message(1, 'one', 'order.placed', wishOf('o1', { milk: 1 })),
    message(2, 'two', 'order.placed', wishOf('o1', { milk: 2 })),
    message(3, 'two', 'order.placed', wishOf('o1', { milk: 2 })),
    message(4, 'one', 'order.placed', wishOf('o1', { milk: 3 })),
  ])
  const folded = foldBatch(held, { topic: 'operations', messages, adopted: null })
  expect(folded.counts).toMatchObject({ ok: 3, duplicate: 1, dead: 1 })
  expect(folded.dead).toMatchObject([{ offset: 4, reason: 'conflict' }])
  const records = unpackRecords(folded.records).map(({ value }) => JSON.parse(value.toString()) as DecisionRecord)
  expect(records.map(({ tenant_id, zone_id }) => `${tenant_id} ${zone_id}`)).toEqual([
    `one ${NOWHERE}`,
    `two ${NOWHERE}`,
  ])
  expect(records.map(({ decided_at }) => decided_at)).toEqual([START + 7_000_000, START + 7_000_000])
  expect(records.map(({ decisions }) => decisions[0])).toMatchObject([
    { type: 'order.rejected', reason: 'outside_service_area' },
    { type: 'order.rejected', reason: 'outside_service_area' },
  ])
})
