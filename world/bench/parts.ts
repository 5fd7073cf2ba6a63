import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type Topic, topicName } from '../../ingest/contract.ts'
import { openMeter } from './machine.ts'
import type { Part, PartDone } from './part.ts'
import { endsOf, type Ground, type Stage } from './stage.ts'
import { PARTITIONS } from './traffic.ts'

/** The bare parts that ours is compared with: what the same work costs a program that does nothing but that. */

export interface PartCost extends PartDone {
  /** its own and the servers' CPU seconds */
  all_cpu_s: number
}

export const PART_SCRIPT = fileURLToPath(new URL('part.ts', import.meta.url))

async function run(stage: Stage, part: Part): Promise<PartCost> {
  const meter = openMeter(stage.pids())
  const args = ['--disable-warning=TimeoutNegativeWarning', PART_SCRIPT, JSON.stringify(part)]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  const done = JSON.parse(stdout) as PartDone
  const servers = Object.values(meter.read().cpu_s).reduce((sum, cpu_s) => sum + cpu_s, 0)
  meter.stop()
  return { ...done, all_cpu_s: done.cpu_s + servers }
}

/** kafkajs eachBatch with JSON.parse over all that these topics hold. */
export async function bareConsume(stage: Stage, ground: Ground, topics: readonly Topic[]): Promise<PartCost> {
  const ends = await Promise.all(topics.map(topic => endsOf(ground, topic)))
  return run(stage, {
    kind: 'consume',
    brokers: ground.urls.kafka_brokers.split(','),
    topics: topics.map((topic, place) => ({
      topic: topicName(ground.namespace, topic),
      until: Object.fromEntries((ends[place] ?? []).entries()),
    })),
  })
}

/** A kafkajs producer that sends so many messages of that size, as the topic's own settings are. */
export function bareProduce(stage: Stage, ground: Ground, messages: number, bytes: number): Promise<PartCost> {
  const topic = topicName(ground.namespace, 'deliveries') // one that this case has no other use for
  return run(stage, {
    kind: 'produce',
    brokers: ground.urls.kafka_brokers.split(','),
    topic,
    partitions: PARTITIONS,
    messages,
    bytes,
  })
}

/** The files of a folder, `<table>.<n>.arrow`, into tables that have no views. */
export function bareInsert(stage: Stage, database: string, dir: string): Promise<PartCost> {
  return run(stage, { kind: 'insert', url: stage.servers.urls.clickhouse_url, database, dir })
}

/** CPU seconds a million. */
export const perMillion = (cpu_s: number, events: number): number => Number(((cpu_s / events) * 1_000_000).toFixed(2))
