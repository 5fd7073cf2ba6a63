import { mkdirSync, rmSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createClient } from '@clickhouse/client'
import { TABLES } from '../../engine/loader/tables.ts'
import { TOPICS, type Topic } from '../../ingest/contract.ts'
import { type Cost, difference, foldedOf, type Line, lineOf, openZones, startEngine, sum, zoneAt } from './folding.ts'
import { openMeter, threadsOf } from './machine.ts'
import type { BenchOptions } from './options.ts'
import { bareConsume, bareInsert } from './parts.ts'
import { endsOf, fill, freshGround, type Ground, type Running, type Stage, startProcess, until } from './stage.ts'
import {
  adjustmentOf,
  type BenchMessage,
  type BenchZone,
  benchZones,
  brokenOf,
  deliveryOf,
  mixOf,
  orderOf,
  positionOf,
} from './traffic.ts'

/** The loader over a log of all kinds that lies there already, decisions and movements included. */

const LOAD_TIMEOUT_S = 3_600
const ROWS_AN_INSERT = 50_000
/** Together with the decisions on them some 100 records for 100 of `--events`. */
const MIX = mixOf([
  [44, orderOf],
  [26, adjustmentOf],
  [22, positionOf],
  [7, deliveryOf],
  [1, brokenOf],
])
const SHARE_WRITTEN = 0.69

const topics = Object.keys(TOPICS) as Topic[]

export async function loadingCase(stage: Stage, options: BenchOptions): Promise<Line> {
  const ground = await freshGround(stage, 'loader')
  await writeLog(stage, ground, Math.round(options.events * SHARE_WRITTEN))
  const ends = await Promise.all(topics.map(topic => endsOf(ground, topic)))
  const records = sum(ends.flat())
  stage.say('  the bare parts: eachBatch with JSON.parse over all topics')
  const consume = await bareConsume(stage, ground, topics)
  stage.say(`  the loader: ${records} records`)
  const cost = await loaded(stage, ground, records, options)
  stage.say('  the bare parts: an Arrow insert of the same rows')
  const { rows, dir } = await takeRows(stage, ground)
  const insert = await bareInsert(stage, `${ground.namespace}_bare`, dir)
  rmSync(dir, { recursive: true })
  const line = lineOf('loader', records, cost, { consume, insert })
  return { ...line, rows, rows_per_s: Math.round(rows / cost.seconds) }
}

/** The engine has decided all of it before the loader begins. */
async function writeLog(stage: Stage, ground: Ground, events: number): Promise<void> {
  const zones: BenchZone[] = benchZones()
  await openZones(stage, ground, zones)
  let to_fold = 0
  await fill(stage, ground, events, n => {
    const message: BenchMessage = MIX(zoneAt(zones, n))
    if (message.topic !== 'deliveries') to_fold += 1
    return message
  })
  stage.say('  the engine decides it')
  const engine = await startEngine(stage, ground)
  await until('folding everything', LOAD_TIMEOUT_S, async () => (await foldedOf(engine)) >= to_fold)
  await engine.stop()
}

export const startLoader = (stage: Stage, ground: Ground, profile_dir?: string): Promise<Running> =>
  startProcess(stage, ground, { name: 'loader', script: 'engine/loader/main.ts', profile_dir })

/** From when it listens until ClickHouse has acknowledged every record. */
async function loaded(stage: Stage, ground: Ground, records: number, options: BenchOptions): Promise<Cost> {
  const loader = await startLoader(stage, ground, options.profile_dir && join(options.profile_dir, 'loader'))
  const began = performance.now()
  const meter = openMeter({ loader: loader.pid, ...stage.pids() })
  const threads_before = threadsOf(loader.pid)
  try {
    await until('loading everything', LOAD_TIMEOUT_S, async () => (await recordsOf(loader)) >= records)
    const { cpu_s, rss_mb_max } = meter.read()
    const threads = difference(threadsOf(loader.pid), threads_before)
    return { seconds: (performance.now() - began) / 1_000, cpu_s, threads, rss_mb_max }
  } finally {
    meter.stop()
    await loader.stop()
  }
}

export const recordsOf = (loader: Running): Promise<number> => loader.metric('waggle_loader_records_total')

/** What was loaded, as Arrow streams in files, and empty tables of the same kind without views to put it into. */
async function takeRows(stage: Stage, { namespace, urls }: Ground): Promise<{ rows: number; dir: string }> {
  const client = createClient({ url: urls.clickhouse_url, request_timeout: 600_000 })
  const dir = join(stage.dir, 'rows')
  mkdirSync(dir)
  await client.command({ query: `CREATE DATABASE ${namespace}_bare` })
  let rows = 0
  for (const { name, columns } of Object.values(TABLES)) {
    await client.command({ query: `CREATE TABLE ${namespace}_bare.${name} AS ${namespace}.${name}` })
    const names = Object.keys(columns).join(', ')
    const counted = await client.query({
      query: `SELECT count() AS n FROM ${namespace}.${name}`,
      format: 'JSONEachRow',
    })
    const [{ n } = { n: '0' }] = await counted.json<{ n: string }>()
    rows += Number(n)
    for (let from = 0; from < Number(n); from += ROWS_AN_INSERT) {
      const { stream } = await client.exec({
        query: `SELECT ${names} FROM ${namespace}.${name} LIMIT ${ROWS_AN_INSERT} OFFSET ${from} FORMAT ArrowStream`,
        clickhouse_settings: { max_threads: 1, max_block_size: String(ROWS_AN_INSERT) },
      })
      await writeFile(join(dir, `${name}.${from}.arrow`), stream)
    }
  }
  await client.close()
  return { rows, dir }
}
