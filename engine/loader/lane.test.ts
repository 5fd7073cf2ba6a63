import { expect, test } from 'vitest'
import type { LogMessage } from '../../ingest/io/log_messages.ts'
import { openLane, type Room } from './lane.ts'

/** What a lane holds is bounded, however far behind it is and however long ClickHouse stays away. */

const MESSAGE_BYTES = 10_000
const MB = 1024 * 1024

const messagesFrom = (offset: number, count: number): LogMessage[] =>
  Array.from({ length: count }, (_, n) => ({
    ...{ offset: offset + n, appended_at: 1_000, key: null, headers: {} },
    value: Buffer.from(JSON.stringify({ type: 't', data: { filler: 'x'.repeat(MESSAGE_BYTES) } })),
  }))

function openStuckLane(room: Room, ending: AbortController) {
  const booked: number[] = []
  const lane = openLane({
    store: {
      // Postgres is well, ClickHouse never answers.
      book: {
        ping: async () => {},
        position: async () => ({ next_offset: 0, epoch: 0, source_offset: -1 }),
        record: async (_shelf, batch) => {
          booked.push(batch.rows)
          return 'recorded'
        },
        done: async () => {},
        isDone: async () => false,
        undone: async () => [],
        settle: async () => {},
        takeToken: async () => {},
        forget: async () => 0,
        close: async () => {},
      },
      clickhouse: {
        insertArrow: () => new Promise((_, reject) => ending.signal.addEventListener('abort', reject)),
        tableId: async () => 'table',
        countRows: async () => 0,
        evenRollups: async () => {},
      },
      again: () => expect.unreachable('nothing is read again while nothing is answered'),
      alarm: () => {},
      reached: () => {},
      fault: () => {},
    },
    shelf: { topic: 'couriers', namespace: 'n', table_id: 'table' },
    limits: { rows_max: 1_000, bytes_max: 32 * MB },
    wait_ms_max: 1,
    room,
    patience: { signal: ending.signal, trouble: () => {} },
    loaded: () => {},
    missed: () => {},
  })
  return { lane, booked }
}

test('beside the batch on its way a lane holds what there is room for, and a lost partition gives its room back', async () => {
  const room: Room = { used_bytes: 0, bytes_max: 8 * MB }
  const ending = new AbortController()
  const { lane, booked } = openStuckLane(room, ending)
  lane.assign(0, { next_offset: 0, epoch: 0, source_offset: -1 })
  let accepted = 0
  const pushing = (async () => {
    for (let offset = 0; offset < 100_000; offset += 100) {
      await lane.push({
        topic: 'n.couriers',
        partition: 0,
        messages: messagesFrom(offset, 100),
        high: 1e9,
        signal: ending.signal,
      })
      accepted += 100
    }
  })()
  let before = -1
  while (before !== accepted) {
    before = accepted
    for (let turn = 0; turn < 50; turn += 1) await new Promise(resolve => setImmediate(resolve))
  }
  expect(booked.length).toBe(1)
  expect(room.used_bytes).toBeGreaterThanOrEqual(room.bytes_max)
  // One push above it at the most.
  expect(room.used_bytes).toBeLessThan(room.bytes_max + 100 * (MESSAGE_BYTES + 1_000))
  expect(lane.waiting(0)).toBeGreaterThanOrEqual(accepted)
  lane.lose(0)
  expect(room.used_bytes).toBe(0)
  await expect(pushing).rejects.toThrow('does not load partition 0')
  ending.abort()
  await lane.close()
})
