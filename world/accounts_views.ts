import { isDeepStrictEqual } from 'node:util'
import { viewKeys } from '../engine/contract.ts'
import { openRedis, type RedisClient } from '../engine/io/redis.ts'
import { replayPartition } from '../engine/past/replay.ts'
import type { LogState } from './accounts_log.ts'
import type { ServerUrls } from './servers/config.ts'

/**
 * Redis and the published decisions against a fold of the log from its first offset, in this process: no checkpoint, no owner,
 * nothing remembered. Couriers are folded by accounts_log.ts, which shares no line with the engine.
 */
export async function compareViews(
  { redis_url }: Pick<ServerUrls, 'redis_url'>,
  namespace: string,
  { log, partitions }: { log: LogState; partitions: number },
  faults: string[],
): Promise<void> {
  const redis = openRedis(redis_url)
  await redis.connect()
  try {
    for (const [partition, messages] of log.operations.entries()) {
      if (messages === undefined) continue
      const fold = replayPartition({ partition, partitions }, messages, [])
      compareDecisions(log, partition, fold.decisions, faults)
      for (const [warehouse_id, wanted] of fold.stock) {
        await compareStock(redis, namespace, { warehouse_id, wanted }, faults)
      }
    }
    await compareFleet(redis, namespace, { log, partitions }, faults)
  } finally {
    redis.disconnect()
  }
}

function compareDecisions(
  log: LogState,
  partition: number,
  wanted: readonly { source_offset: number; decisions: readonly unknown[] }[],
  faults: string[],
): void {
  const again = new Map(wanted.map(one => [`${partition}/${one.source_offset}`, JSON.stringify(one.decisions)]))
  for (const [at, decisions] of again) {
    const published = log.published.get(at)
    if (published === undefined) faults.push(`operations/${at} has consequences, and no decision was published`)
    else if (published !== decisions) faults.push(`operations/${at} was decided otherwise than a fold decides it again`)
  }
  for (const at of log.published.keys()) {
    if (at.startsWith(`${partition}/`) && !again.has(at))
      faults.push(`operations/${at} was decided, and a fold decides nothing`)
  }
}

async function compareStock(
  redis: RedisClient,
  namespace: string,
  { warehouse_id, wanted }: { warehouse_id: string; wanted: ReadonlyMap<string, string> },
  faults: string[],
): Promise<void> {
  const there = await redis.hgetall(viewKeys.warehouse(namespace, warehouse_id).stock)
  for (const [sku, text] of wanted) {
    if (there[sku] !== text) {
      faults.push(
        `${warehouse_id} ${sku}: Redis says ${there[sku] ?? 'nothing'}, the fold ${text} (on hand, reserved, safety)`,
      )
    }
  }
  for (const sku of Object.keys(there)) {
    if (!wanted.has(sku)) faults.push(`${warehouse_id} ${sku}: Redis has it, the fold does not`)
  }
}

async function compareFleet(
  redis: RedisClient,
  namespace: string,
  { log, partitions }: { log: LogState; partitions: number },
  faults: string[],
): Promise<void> {
  const there = new Map<string, unknown>()
  for (let partition = 0; partition < partitions; partition++) {
    const texts = await redis.hgetall(viewKeys.fleet(namespace, partition).fleet)
    for (const [courier_id, text] of Object.entries(texts)) there.set(courier_id, JSON.parse(text))
  }
  for (const [courier_id, { point, state, seen_at }] of log.fleet) {
    const view = there.get(courier_id) as Record<string, unknown> | undefined
    const same = view && view.state === state && view.seen_at === seen_at && isDeepStrictEqual(view.point, point)
    if (!same) faults.push(`${courier_id} is elsewhere in Redis than by the log, or not there`)
  }
  for (const courier_id of there.keys()) {
    if (!log.fleet.has(courier_id)) faults.push(`${courier_id} is in Redis and never began a shift`)
  }
}
