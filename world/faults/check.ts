import { setTimeout as delay } from 'node:timers/promises'
import { kafkaClient } from '../../ingest/io/kafka.ts'
import { compareBook, compareDead, compareLoaded } from '../accounts.ts'
import { readBook, readLoaded } from '../accounts_books.ts'
import { type LogReader, type LogState, openLogReader } from '../accounts_log.ts'
import { countOrders } from '../accounts_orders.ts'
import { compareViews } from '../accounts_views.ts'
import { messageOf } from '../servers/server.ts'
import { compareLedger, compareLoadedDeeply } from './loaded.ts'
import type { LoadRecord } from './record.ts'
import { keepShelves, type Shelves } from './shelves.ts'
import { compareShelves } from './shelves_views.ts'
import type { Stage } from './stage.ts'
import { emptyTrail, findLost, findPlacedTwice, follow, type Trail } from './trail.ts'
import { findUnended } from './unended.ts'

/**
 * Everything against the log, read from offset 0 around the proxies:
 *
 *   acknowledged            every order and event lies where its answer said                                        I7
 *   ClickHouse              each record once, void where it is void, rollups and the ledger's sums as recomputed       I4
 *   Postgres                the book says of each order what the decisions say                                      I2
 *   Redis                   = a fold by the engine's code from offset 0 = plain bookkeeping by nobody's code        I6
 *   decisions               = that fold's, one for one, whoever took them and however often                        I5
 *   plain bookkeeping       no grant without cover, no refusal with it, every unit resolved once                 I1, I3
 */
export interface Checked {
  /** acknowledged or in the log, and not where it should be */
  lost: number
  doubled: number
  granted_without_cover: number
  /** orders without a decision, work that does not end, what does not come back */
  stuck: number
  /** what says otherwise than the log */
  differing: number
  /** what was found, in words, the first fifty */
  findings: string[]
  /** operations, decisions, grants looked at */
  looked_at: Record<string, number>
  /** s until everything had followed the log */
  caught_up_s: number
}

export interface CheckOptions {
  stage: Stage
  record: LoadRecord
  log: (line: string) => void
}

const CATCH_UP_MS_MAX = 120_000
const AGAIN_MS = 1_000
const FINDINGS_KEPT = 50

type Ends = Awaited<ReturnType<LogReader['readToEnd']>>

export async function checkAll({ stage, record, log }: CheckOptions): Promise<Checked> {
  const kafka = kafkaClient({ brokers: stage.direct.kafka_brokers.split(','), client_id: 'faults-check' })
  const trail = emptyTrail()
  await using reader = await openLogReader(kafka, stage.namespace, (topic, partition, message) =>
    follow(trail, topic, partition, message),
  )
  const began = performance.now()
  let told = 0
  for (;;) {
    const look = await lookOnce(stage, reader, trail, record)
    const waited_ms = performance.now() - began
    const count = look.findings.length
    if (count === 0 || waited_ms > CATCH_UP_MS_MAX) return summed(look, waited_ms)
    if (waited_ms > told) log(`the views follow the log: ${count} differences, such as: ${look.findings[0]?.text}`)
    told = waited_ms + 5_000
    await delay(AGAIN_MS)
  }
}

type Kind = 'lost' | 'doubled' | 'granted_without_cover' | 'stuck' | 'differing'

interface Look {
  findings: { kind: Kind; text: string }[]
  looked_at: Record<string, number>
}

async function lookOnce(stage: Stage, reader: LogReader, trail: Trail, record: LoadRecord): Promise<Look> {
  const look: Look = { findings: [], looked_at: {} }
  const note = (kind: Kind, texts: readonly string[]): void => {
    for (const text of texts) look.findings.push({ kind, text })
  }
  const { direct: urls, namespace } = stage
  const ends = await reader.readToEnd().catch(error => {
    note('stuck', [`Kafka could not be read: ${messageOf(error)}`])
  })
  if (!ends) return look
  const log = reader.state
  await tried(note, 'Postgres', async () => {
    note('differing', await bookFaults(stage, log))
    note('stuck', await findUnended(urls.postgres_url))
  })
  await tried(note, 'ClickHouse', async () => {
    const faults: string[] = []
    compareLoaded(log, await readLoaded(urls, namespace, ends), ends, faults)
    note('differing', faults)
    if (faults.length > 0) return
    const deep = await compareLoadedDeeply(urls.clickhouse_url, namespace, trail)
    for (const kind of ['lost', 'doubled', 'differing'] as const) note(kind, deep[kind])
  })
  note('stuck', undecided(log))
  // What comes now does not change by waiting, and is dear.
  if (look.findings.length === 0) await lookDeeply(stage, { log, ends, trail, record }, note, look)
  return look
}

async function bookFaults(stage: Stage, log: LogState): Promise<string[]> {
  const faults: string[] = []
  countOrders(log, faults)
  compareDead(log, faults)
  compareBook(log, await readBook(stage.direct), faults)
  return faults
}

function undecided(log: LogState): string[] {
  const alive = [...log.orders].filter(([, { placed_at }]) => placed_at.some(at => !log.dead.has(`operations/${at}`)))
  return alive.flatMap(([key, trace]) => (trace.decided === undefined ? [`${key} has no decision`] : []))
}

interface Whole {
  log: LogState
  ends: Ends
  trail: Trail
  record: LoadRecord
}

async function lookDeeply(
  stage: Stage,
  { log, ends, trail, record }: Whole,
  note: (kind: Kind, texts: readonly string[]) => void,
  look: Look,
): Promise<void> {
  const shelves = keepShelves(log)
  note('lost', findLost(trail, record, operationOf(log)))
  note('doubled', [...findPlacedTwice(trail), ...shelves.doubled])
  note('granted_without_cover', shelves.granted_without_cover)
  note('differing', shelves.refused_with_cover)
  note('stuck', shelves.unresolved)
  note('differing', record.refusals)
  await tried(note, 'Redis', async () => {
    const faults: string[] = []
    const partitions = ends.operations.length
    await compareViews(stage.direct, stage.namespace, { log, partitions }, faults)
    await compareShelves(stage.direct.redis_url, stage.namespace, shelves, faults)
    note('differing', faults)
  })
  await tried(note, 'the ledger', async () =>
    note('differing', await compareLedger(stage.direct.clickhouse_url, stage.namespace, shelves)),
  )
  look.looked_at = countsOf(log, trail, shelves)
}

/** Reads one record of operations again. */
const operationOf =
  (log: LogState) =>
  (at: string): Record<string, unknown> => {
    const [partition, offset] = at.split('/').map(Number)
    const message = log.operations[partition ?? -1]?.[offset ?? -1]
    return message?.value ? JSON.parse(message.value.toString()) : {}
  }

function countsOf(log: LogState, trail: Trail, shelves: Shelves): Record<string, number> {
  const decisions = [...trail.decisions.values()]
  return {
    operations: log.operations.reduce((sum, messages) => sum + (messages?.length ?? 0), 0),
    repeats_in_the_log: [...trail.times.values()].filter(times => times > 1).length,
    decision_records: decisions.length,
    void_records: decisions.filter(({ is_void }) => is_void).length,
    dead_letters: log.dead.size,
    orders: log.orders.size,
    grants: shelves.grants,
    owners: [...trail.last.values()].reduce((sum, { epoch }) => sum + epoch, 0),
  }
}

async function tried(
  note: (kind: Kind, texts: readonly string[]) => void,
  whom: string,
  work: () => Promise<void>,
): Promise<void> {
  await work().catch(error => note('stuck', [`${whom} could not be read: ${messageOf(error)}`]))
}

function summed({ findings, looked_at }: Look, waited_ms: number): Checked {
  const count = (kind: Kind): number => findings.filter(finding => finding.kind === kind).length
  return {
    lost: count('lost'),
    doubled: count('doubled'),
    granted_without_cover: count('granted_without_cover'),
    stuck: count('stuck'),
    differing: count('differing'),
    findings: findings.slice(0, FINDINGS_KEPT).map(({ kind, text }) => `${kind}: ${text}`),
    looked_at,
    caught_up_s: Math.round(waited_ms / 100) / 10,
  }
}
