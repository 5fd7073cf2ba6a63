import { encodeStock } from '../../engine/contract.ts'
import { openViews } from '../../engine/io/views.ts'
import { topicName } from '../../ingest/contract.ts'
import type { DecisionsRecord } from '../../ingest/events/decisions.ts'
import { openRanges } from '../../ingest/io/ranges.ts'
import { eachPerMillion, foldedOf, type Line, openZones, startEngine, zoneAt } from './folding.ts'
import { openMeter } from './machine.ts'
import type { BenchOptions } from './options.ts'
import { openOwnFold } from './own_fold.ts'
import { benchKafka, endsOf, fill, freshGround, type Ground, type Stage, until } from './stage.ts'
import { benchZones, orderOf, PARTITIONS } from './traffic.ts'

/** Orders with two engine processes: each decided once, Redis equal to a fold of the log, and the CPU an event of both. */

const TIMEOUT_S = 3_600

export async function twoCase(stage: Stage, options: BenchOptions): Promise<Line> {
  const ground = await freshGround(stage, 'two')
  const zones = benchZones()
  await openZones(stage, ground, zones)
  await fill(stage, ground, options.events, n => orderOf(zoneAt(zones, n)))
  stage.say('  two engines')
  const engines = await Promise.all([1, 2].map(n => startEngine(stage, ground, undefined, `engine_${n}`)))
  const began = performance.now()
  const pids = Object.fromEntries(engines.map(({ name, pid }) => [name, pid]))
  const meter = openMeter({ ...pids, ...stage.pids() })
  const folded = async () => (await Promise.all(engines.map(engine => foldedOf(engine)))).reduce((a, b) => a + b, 0)
  await until('folding everything', TIMEOUT_S, async () => (await folded()) >= options.events)
  const seconds = (performance.now() - began) / 1_000
  const used = meter.read()
  meter.stop()
  await until('the views', 120, async () => (await Promise.all(engines.map(engine => engine.isReady()))).every(Boolean))
  stage.say('  looking at every decision and every view')
  const each = await Promise.all(engines.map(engine => foldedOf(engine)))
  const wrong = { ...(await wrongDecisions(ground, options.events)), views: await wrongViews(ground) }
  await Promise.all(engines.map(engine => engine.stop()))
  return {
    case: 'two',
    events: options.events,
    events_per_s: Math.round(options.events / seconds),
    cpu_s_per_million: eachPerMillion(used.cpu_s, options.events),
    rss_mb_max: used.rss_mb_max,
    folded_by_each: each,
    wrong,
  }
}

/** By the readers' rule: lower epochs and repeats do not count. */
async function wrongDecisions(ground: Ground, orders: number): Promise<{ lost: number; doubled: number }> {
  const topic = topicName(ground.namespace, 'decisions')
  const ends = await endsOf(ground, 'decisions')
  const ranges = ends.map((to, partition) => ({ topic, partition, from: 0, to }))
  const decided = new Map<string, number>()
  await using log = await openRanges(benchKafka(ground), ground.namespace, ranges)
  for (let partition = 0; partition < PARTITIONS; partition += 1) {
    let epoch = 0
    let last = -1
    for await (const messages of log.read(topic, partition)) {
      for (const { value } of messages) {
        const record = JSON.parse(String(value)) as DecisionsRecord
        if (record.epoch < epoch) continue
        epoch = record.epoch
        if (record.kind !== 'decided' || Number(record.source_offset) <= last) continue
        last = Number(record.source_offset)
        for (const { type, ...decision } of record.decisions) {
          if (type !== 'order.routed' && type !== 'order.rejected') continue
          const { order_id } = decision as { order_id: string }
          decided.set(order_id, (decided.get(order_id) ?? 0) + 1)
        }
      }
    }
  }
  return { lost: orders - decided.size, doubled: [...decided.values()].filter(times => times > 1).length }
}

async function wrongViews(ground: Ground): Promise<number> {
  const fold = openOwnFold(ground)
  await fold.catchUp()
  const views = openViews({ redis_url: ground.urls.redis_url, namespace: ground.namespace, partitions: PARTITIONS })
  let wrong = 0
  for (const [warehouse_id, levels] of fold.stock()) {
    const view = await views.warehouse(warehouse_id)
    for (const [sku, text] of levels) {
      const seen = view?.stock.get(sku)
      if (!seen || encodeStock(seen) !== text) wrong += 1
    }
  }
  await views.close()
  return wrong
}
