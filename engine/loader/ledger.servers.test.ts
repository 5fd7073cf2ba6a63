import { once } from 'node:events'
import { expect, test } from 'vitest'
import { topicName } from '../../ingest/contract.ts'
import { kafkaClient } from '../../ingest/io/kafka.ts'
import type { LogMessage } from '../../ingest/io/log_messages.ts'
import { packMessages } from '../../ingest/io/log_messages.ts'
import { openReader } from '../../ingest/io/reader.ts'
import { testServers, waitFor } from '../../world/servers/testing.ts'
import { startEngine } from '../engine.testing.ts'
import { foldBatch, loadPartition } from '../partition.ts'
import { SimulatedZone, zoneIn } from '../simulated_log.ts'
import { openScene, PARTITIONS, type Scene } from './scene.testing.ts'

/**
 * The ledger on the real servers, its engine and its loader killed in between: the sum of what counts in ClickHouse is the
 * fold's state, at any offset.
 */

const PARTITION = 1
const LENGTH = 900
/**
 * What dies, one after the other, each with the first batch that it folds: the log is there before an engine is, so there
 * may be no second one.
 */
const DEATHS = ['after_movements:1', 'before_movements:1', 'after_publish:1']

type Levels = Record<string, { on_hand: number; reserved: number; safety: number; in_transit: number }>

function newFold() {
  const nothing = { next_offset: 0, bytes: null }
  const at = { partition: PARTITION, partitions: PARTITIONS, epoch: 1 }
  const held = loadPartition({ kind: 'load', ...at, operations: nothing, couriers: nothing })
  return {
    held,
    fold(message: LogMessage) {
      const messages = packMessages([message])
      foldBatch(held, { topic: 'operations', messages, adopted: null })
    },
    levels(): Levels {
      const levels: Levels = {}
      for (const zone of held.zones.values()) {
        for (const [warehouse_id, { stock }] of zone.warehouses) {
          for (const [sku, { on_hand, reserved, safety, in_transit }] of stock) {
            if (on_hand || reserved || safety || in_transit)
              levels[`${warehouse_id} ${sku}`] = { on_hand, reserved, safety, in_transit }
          }
        }
      }
      return levels
    },
  }
}

/** No checkpoint before an engine dies, so that the next one folds again what was told, and tells it again. */
function start({ namespace, postgres_url }: Scene, failpoint?: string) {
  const ground = { namespace, postgres_url, partitions: PARTITIONS, checkpoint_every_ms: 30_000 }
  return startEngine(ground, failpoint ? { WAGGLE_ENGINE_FAILPOINT: failpoint } : {})
}

async function levelsAt(scene: Scene, offset: number): Promise<Levels> {
  const rows = await scene.select<{ name: string } & Levels[string]>(`
    SELECT concat(warehouse_id, ' ', sku) AS name, toInt32(sum(m.on_hand)) AS on_hand, toInt32(sum(m.reserved)) AS reserved,
      toInt32(sum(m.safety)) AS safety, toInt32(sum(m.in_transit)) AS in_transit
    FROM movements AS m WHERE void = 0 AND type = 'moved' AND kafka_partition = ${PARTITION} AND source_offset <= ${offset}
    GROUP BY name HAVING on_hand != 0 OR reserved != 0 OR safety != 0 OR in_transit != 0`)
  return Object.fromEntries(rows.map(({ name, ...levels }) => [name, levels]))
}

async function operationsTo(last: number, { namespace }: Scene): Promise<LogMessage[]> {
  const kafka = kafkaClient({ brokers: [testServers().kafka_brokers], client_id: namespace })
  const read: LogMessage[] = []
  const done = Promise.withResolvers<void>()
  const reader = await openReader({
    kafka,
    group_id: `${namespace}.check`,
    topics: [topicName(namespace, 'operations')],
    start: async () => 'earliest',
    async handle({ partition, messages }) {
      if (partition === PARTITION) read.push(...messages)
      if ((read.at(-1)?.offset ?? -1) >= last) done.resolve()
      return undefined
    },
    fault: done.reject,
  })
  await done.promise
  await reader.close()
  return read.filter(({ offset }) => offset <= last)
}

async function expectLevels(scene: Scene, offset: number, levels: Levels): Promise<void> {
  let found: Levels = {}
  const sorted = (of: Levels) => JSON.stringify(Object.entries(of).sort())
  await waitFor(
    async () => {
      found = await levelsAt(scene, offset)
      return sorted(found) === sorted(levels)
    },
    { timeout_ms: 60_000, what: 'the ledger', every_ms: 250 },
  ).catch(() => undefined)
  expect(found, `at offset ${offset}`).toEqual(levels)
}

test('the sum of the ledger is the state, at any offset, whoever was killed', { timeout: 300_000 }, async () => {
  await using scene = await openScene('ledger', testServers())
  const source = new SimulatedZone(zoneIn(PARTITION, PARTITIONS), 7, { start_ms: Date.now() - 60_000, step_ms_max: 20 })
  const guess = newFold()
  const log = source.opening()
  for (let offset = 0; offset < LENGTH; offset += 1) {
    const message = log[offset] ?? source.next([...guess.held.zones.values()][0])
    log[offset] = message
    guess.fold({ offset, appended_at: message.appended_at, key: null, value: message.value, headers: {} })
  }
  const share = Math.ceil(LENGTH / (DEATHS.length + 1))
  const put = async (part: number) => {
    const sent = log.slice(part * share, (part + 1) * share)
    const offsets = sent.map(({ value }) => scene.put('operations', PARTITION, Buffer.from(value)))
    return Math.max(...(await Promise.all(offsets)))
  }
  const dying_loader = scene.start({ WAGGLE_LOADER_FAILPOINT: 'after_insert:2' })
  for (const [part, failpoint] of DEATHS.entries()) {
    const engine = start(scene, failpoint)
    const ended = once(engine, 'exit')
    await put(part)
    await ended
  }
  const engine = start(scene)
  try {
    const last = await put(DEATHS.length)
    await dying_loader.exit
    scene.start()
    // The log is what Kafka has, ticks of the engines in between.
    const fold = newFold()
    const checked = new Set([last >> 2, last >> 1, last])
    for (const message of await operationsTo(last, scene)) {
      fold.fold(message)
      if (checked.has(message.offset)) await expectLevels(scene, message.offset, fold.levels())
    }
    const [told] = await scene.select<{ void_rows: number; epochs: number }>(`
      SELECT toUInt32(countIf(void = 1)) AS void_rows, toUInt32(uniqExact(epoch)) AS epochs
      FROM movements WHERE kafka_partition = ${PARTITION}`)
    expect(told?.epochs).toBe(DEATHS.length + 1)
    expect(told?.void_rows).toBeGreaterThan(0)
  } finally {
    engine.kill('SIGKILL')
  }
})
