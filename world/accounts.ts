import { setTimeout as delay } from 'node:timers/promises'
import type { Topic } from '../ingest/contract.ts'
import { kafkaClient } from '../ingest/io/kafka.ts'
import {
  type BookOrder,
  type EtaCount,
  type LoadedPartition,
  readBook,
  readEtas,
  readLoaded,
} from './accounts_books.ts'
import { ALL_TOPICS, type LogState, openLogReader } from './accounts_log.ts'
import { countOf, countOrders, type OrderCounts, stateOf } from './accounts_orders.ts'
import { compareViews } from './accounts_views.ts'
import type { ServerUrls } from './servers/config.ts'
import { messageOf } from './servers/server.ts'

/**
 * The accounts of a run, from the log itself, held against what ClickHouse and Postgres have made of it:
 *
 *   placed  = routed + rejected + cancelled before routing + open          distinct order ids, latest state
 *   routed  = delivered + cancelled + failed + in progress
 *   records = rows, record by record, in every topic                       each (topic, partition, offset) exactly once
 *   records = usable + dead letters, in operations and couriers            no record is dead twice, none is dead that is not there
 *   book    = log, order by order
 *   Redis   = decisions = a fold of our own, from offset 0
 *   every order that a customer got an answer for is in the log
 */
export interface Accounts {
  balanced: boolean
  /** what does not balance, in plain words, the first thirty */
  faults: string[]
  orders: OrderCounts
  /** of each of `groups` that was asked for, in their order */
  groups: OrderCounts[]
  events: Record<Topic, EventCounts>
  dead_letters: Record<string, number>
  /** how well arrivals were told, by phase: see dispatch/etas/bounds.ts */
  etas: Record<string, EtaCount>
  /** what was waited until everything balanced, wall ms; or the whole time allowed */
  waited_ms: number
}

/** `dead`: records of this topic that were declared dead. `rows` may exceed `records` in decisions only, which hold several each. */
export interface EventCounts {
  records: number
  usable: number
  dead: number
  rows: number
}

export interface AccountsOptions {
  urls: ServerUrls
  namespace: string
  /** order ids that were answered to customers */
  acknowledged: readonly string[]
  /** the tenant of those orders */
  tenant_id: string
  /** order ids that are to be counted by themselves, too */
  groups?: readonly (readonly string[])[]
  /** how long the views may take to follow the log, ms */
  timeout_ms: number
}

const FAULTS_KEPT = 30
const AGAIN_MS = 500

/** Reads, compares, and tries again until all of it balances or the time is up. */
export async function takeAccounts(options: AccountsOptions): Promise<Accounts> {
  const { urls, namespace, timeout_ms } = options
  const started = performance.now()
  const kafka = kafkaClient({ brokers: urls.kafka_brokers.split(','), client_id: 'accounts' })
  await using reader = await openLogReader(kafka, namespace)
  for (;;) {
    const accounts = await lookOnce(options, reader)
    accounts.waited_ms = Math.round(performance.now() - started)
    if (accounts.balanced || accounts.waited_ms > timeout_ms) return accounts
    await delay(AGAIN_MS)
  }
}

async function lookOnce(
  { urls, namespace, acknowledged, tenant_id, groups = [] }: AccountsOptions,
  reader: Awaited<ReturnType<typeof openLogReader>>,
): Promise<Accounts> {
  const faults: string[] = []
  const book = await asked(faults, 'Postgres', () => readBook(urls))
  const ends = await reader.readToEnd()
  const loaded = await asked(faults, 'ClickHouse', () => readLoaded(urls, namespace, ends))
  const orders = countOrders(reader.state, faults)
  if (book !== undefined) compareBook(reader.state, book, faults)
  if (loaded !== undefined) compareLoaded(reader.state, loaded, ends, faults)
  compareDead(reader.state, faults)
  compareAcknowledged(
    reader.state,
    acknowledged.map(order_id => `${tenant_id}/${order_id}`),
    faults,
  )
  const etas = await asked(faults, 'Postgres', () => readEtas(urls))
  // Folding the whole log is dear, so it comes last.
  const whole = { log: reader.state, partitions: ends.operations.length }
  if (faults.length === 0) await asked(faults, 'Redis', () => compareViews(urls, namespace, whole, faults))
  return {
    balanced: faults.length === 0,
    faults: faults.slice(0, FAULTS_KEPT),
    orders,
    groups: groups.map(order_ids => countOf(reader.state, tenant_id, order_ids)),
    events: countEvents(reader.state, loaded, ends),
    dead_letters: countDead(reader.state),
    etas: etas ?? {},
    waited_ms: 0,
  }
}

async function asked<Result>(faults: string[], whom: string, work: () => Promise<Result>): Promise<Result | undefined> {
  try {
    return await work()
  } catch (error) {
    faults.push(`${whom} could not be read: ${messageOf(error)}`)
    return undefined
  }
}

// ── Orders ──────────────────────────────────────────────────────────────────────────────────────────────────────────

export function compareBook(log: LogState, book: ReadonlyMap<string, BookOrder>, faults: string[]): void {
  for (const [key, trace] of log.orders) {
    const row = book.get(key)
    const wanted = stateOf(trace)
    const dead = trace.placed_at.every(at => log.dead.has(`operations/${at}`))
    if (dead && wanted === 'placed') continue
    // The book learns of an order with its first decision.
    if (row === undefined && wanted === 'placed') faults.push(`${key} has no decision yet`)
    else if (row?.state !== wanted)
      faults.push(`${key} is ${wanted} by the log and ${row?.state ?? 'not there'} in the book`)
    else if (wanted === 'delivered' && row.late_s !== trace.late_s) {
      faults.push(`${key} is ${trace.late_s} s late by the log and ${row.late_s} s in the book`)
    }
  }
  for (const [key, row] of book)
    if (!log.orders.has(key)) faults.push(`${key} is ${row.state} in the book and not in the log`)
}

function compareAcknowledged(log: LogState, keys: readonly string[], faults: string[]): void {
  for (const key of keys) {
    if ((log.orders.get(key)?.placed_at.length ?? 0) === 0) faults.push(`${key} was acknowledged and is not in the log`)
  }
  if (new Set(keys).size < keys.length) faults.push('an order id was given to two customers')
}

// ── Records ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Kafka's offsets have no gaps here, so distinct offsets from 0 to the end are all of them, and as many rows are each once. */
export function compareLoaded(
  log: LogState,
  loaded: Record<Topic, readonly LoadedPartition[]>,
  ends: Record<Topic, readonly number[]>,
  faults: string[],
): void {
  faults.push(...log.holes.map(hole => `Kafka gave no record for ${hole}`))
  for (const topic of ALL_TOPICS) {
    for (const [partition, end] of ends[topic].entries()) {
      const there = loaded[topic][partition] ?? { rows: 0, records: 0, lowest: 0, highest: -1 }
      const held = topic === 'decisions' ? log.decision_rows : topic === 'movements' ? log.movement_rows : null
      const rows = held ? sum((held[partition] ?? []).slice(0, end)) : end
      if (there.records === end && there.rows === rows && there.highest === end - 1) continue
      const has = `${there.records} records in ${there.rows} rows up to ${there.highest}`
      faults.push(`${topic}/${partition}: the log has ${end} records in ${rows} rows, ClickHouse ${has}`)
    }
  }
}

/** A dead letter names a record that exists. */
export function compareDead(log: LogState, faults: string[]): void {
  for (const [origin, reason] of log.dead) {
    const [topic = '', partition = '', offset = ''] = origin.split('/')
    const read = log.read[topic as Topic]?.[Number(partition)] ?? 0
    if (Number(offset) >= read) faults.push(`a dead letter (${reason}) names ${origin}, which is not in the log`)
  }
}

function countEvents(
  log: LogState,
  loaded: Record<Topic, readonly LoadedPartition[]> | undefined,
  ends: Record<Topic, readonly number[]>,
): Record<Topic, EventCounts> {
  const dead = (topic: Topic): number => [...log.dead.keys()].filter(origin => origin.startsWith(`${topic}/`)).length
  const of = (topic: Topic): EventCounts => {
    const records = sum(ends[topic])
    const rows = sum((loaded?.[topic] ?? []).map(one => one?.rows ?? 0))
    return { records, usable: records - dead(topic), dead: dead(topic), rows }
  }
  return {
    operations: of('operations'),
    decisions: of('decisions'),
    movements: of('movements'),
    couriers: of('couriers'),
    deliveries: of('deliveries'),
    'dead-letters': of('dead-letters'),
  }
}

function countDead(log: LogState): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const reason of log.dead.values()) counts[reason] = (counts[reason] ?? 0) + 1
  return counts
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + (one ?? 0), 0)
