import { setTimeout as delay } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import type { OrderView } from '../../dispatch/contract.ts'
import { topicName } from '../../ingest/contract.ts'
import { topicEnds } from '../../ingest/io/kafka.ts'
import { openRanges } from '../../ingest/io/ranges.ts'
import { draws } from '../city/random.ts'
import { type Answer, type Problem, packed, routed, type Stage, ZONE } from './stage.ts'

/** Many on one order. What must be so stands in options.ts. */

export interface RacesReport {
  rounds: number
  clients: number
  kills: number
  /** of all rounds without a kill */
  won: number
  lost: number
  /** rounds with a kill: answers that were cut off, and clients who learnt theirs by asking again */
  cut_off: number
  learnt_again: number
  audit_rows: number
  events: number
  findings: string[]
  ok: boolean
  /** ms of wall time that a round without a kill took, in the mean */
  round_ms: number
}

export interface RacesTask {
  stage: Stage
  rounds: number
  clients: number
  kills: number
  seed: number
  log: (line: string) => void
}

const ORDER = 'raced'
const FINDINGS_KEPT = 20
const PROGRESS_EVERY = 100

type Body = OrderView & Problem

interface Race extends RacesTask {
  report: RacesReport
  /** of the order, as everybody sees it before the round */
  version: number
}

export async function runRaces(task: RacesTask): Promise<RacesReport> {
  const { stage, clients, kills, rounds, log } = task
  const report: RacesReport = {
    ...{ rounds, clients, kills, won: 0, lost: 0, cut_off: 0, learnt_again: 0, audit_rows: 0, events: 0 },
    ...{ findings: [], ok: false, round_ms: 0 },
  }
  const race: Race = { ...task, report, version: await setUp(stage, clients) }
  const first_version = race.version
  const began = performance.now()
  for (let round = 0; round < rounds; round += 1) {
    await calmRound(race, round)
    if ((round + 1) % PROGRESS_EVERY === 0) log(`${round + 1} rounds, ${report.findings.length} findings`)
  }
  report.round_ms = rounds === 0 ? 0 : Math.round((performance.now() - began) / rounds)
  for (let kill = 0; kill < kills; kill += 1) {
    await killedRound(race, kill)
    log(`kill ${kill + 1}: ${report.cut_off} answers cut off so far, ${report.findings.length} findings`)
  }
  await stage.ready()
  await checkBooks(race, first_version)
  report.ok = report.findings.length === 0
  return report
}

/** Nobody but the clients gives anybody anything: the zone's wheel is theirs. */
async function setUp(stage: Stage, clients: number): Promise<number> {
  const off = { mode: 'off', reason: 'by_hand' }
  const taken = await stage.call('PUT', `/v1/dispatch/zones/${ZONE}/assignment`, off, { 'if-match': '0' })
  if (taken.status !== 200) throw new Error(`the zone's wheel was not given: ${JSON.stringify(taken.body)}`)
  await stage.showFleet(Object.fromEntries(Array.from({ length: clients }, (_, n) => [courierOf(n), {}])))
  await stage.decide(routed(ORDER), packed(ORDER))
  for (;;) {
    const { status, body } = await stage.call<OrderView>('GET', `/v1/orders/${ORDER}`)
    if (status === 200 && body.state === 'packed') return body.version
    await delay(20)
  }
}

const courierOf = (client: number): string => `rival${client}`
const actorOf = (client: number): string => `dispatcher:d${client}`

function ask({ stage, version }: Race, client: number, key: string): Promise<Answer<Body>> {
  const body = { courier_id: courierOf(client), reason: 'closer' }
  const headers = { 'if-match': String(version), 'idempotency-key': key, 'x-waggle-actor': actorOf(client) }
  return stage.call<Body>('POST', `/v1/dispatch/orders/${ORDER}/reassign`, body, headers)
}

const everybody = ({ clients }: Race): number[] => Array.from({ length: clients }, (_, n) => n)

function find(race: Race, what: string): void {
  if (race.report.findings.length < FINDINGS_KEPT) race.report.findings.push(what)
}

// ── Rounds ──────────────────────────────────────────────────────────────────────────────────────────────────────────

async function calmRound(race: Race, round: number): Promise<void> {
  const answers = await Promise.all(everybody(race).map(client => ask(race, client, `calm-${round}`)))
  judge(race, `round ${round}`, answers)
  race.report.won += answers.filter(one => one.status === 200).length
  race.report.lost += answers.filter(one => one.status === 409).length
  race.version += 1
}

/** One won, all others lost to that one and were told so. */
function judge(race: Race, where: string, answers: readonly Answer<Body>[]): void {
  const winners = everybody(race).filter(client => answers[client]?.status === 200)
  const [winner] = winners
  if (winners.length !== 1 || winner === undefined) {
    find(race, `${where}: ${winners.length} have won`)
    return
  }
  const won = answers[winner]?.body
  if (won?.courier_id !== courierOf(winner) || won.version !== race.version + 1) {
    find(race, `${where}: the winner was answered with ${won?.courier_id} at version ${won?.version}`)
  }
  for (const client of everybody(race)) {
    const answer = answers[client]
    if (client === winner || !answer) continue
    const { reason, changed_by, current, changes = [] } = answer.body
    const told = changes.some(change => change.actor === actorOf(winner))
    const right = answer.status === 409 && reason === 'changed' && changed_by === actorOf(winner) && told
    if (right && current?.version === race.version + 1) continue
    find(race, `${where}: client ${client} lost with ${answer.status} ${JSON.stringify(answer.body).slice(0, 200)}`)
  }
}

async function killedRound(race: Race, kill: number): Promise<void> {
  const { stage, report, seed } = race
  const key = `kill-${kill}`
  const moment_ms = draws(seed, 'kill', kill).between(0, 1.2 * Math.max(50, report.round_ms))
  const heard = everybody(race).map(client => ask(race, client, key).catch(() => undefined))
  await delay(moment_ms)
  await stage.kill()
  const first = await Promise.all(heard)
  const answers = await Promise.all(everybody(race).map(client => untilAnswered(race, client, key)))
  report.cut_off += first.filter(answer => answer === undefined).length
  report.learnt_again += answers.length
  judge(race, key, answers)
  for (const [client, before] of first.entries()) {
    const after = answers[client]
    if (before && after && !isSame(before, after)) {
      find(race, `${key}: client ${client} heard ${before.status}, and then ${after.status}`)
    }
  }
  race.version += 1
}

/** The same outcome: all but the id of the asking itself. */
const isSame = (one: Answer<Body>, other: Answer<Body>): boolean => isDeepStrictEqual(outcomeOf(one), outcomeOf(other))
const outcomeOf = ({ status, body }: Answer<Body>) => ({ ...body, status, correlation_id: null })

const AGAIN_MS = 100
const ANSWERED_WITHIN_MS = 60_000

async function untilAnswered(race: Race, client: number, key: string): Promise<Answer<Body>> {
  for (const until = performance.now() + ANSWERED_WITHIN_MS; ; await delay(AGAIN_MS)) {
    const answer = await ask(race, client, key).catch(() => undefined)
    if (answer && answer.status < 500) return answer
    if (performance.now() > until) throw new Error(`${key}: client ${client} has had no answer for a minute`)
  }
}

// ── What is written ─────────────────────────────────────────────────────────────────────────────────────────────────

/** Every round has one effect: a version of the order, an audit row, a version of its trip in the log. */
async function checkBooks(race: Race, first_version: number): Promise<void> {
  const { stage, report, rounds, kills } = race
  const wanted = rounds + kills
  const order = await stage.pool.query<{ version: number }>('SELECT version FROM orders WHERE order_id = $1', [ORDER])
  if (order.rows[0]?.version !== first_version + wanted) find(race, `the order is at version ${order.rows[0]?.version}`)
  const audit = await stage.pool.query<{ rows: number; keys: number }>(
    `SELECT count(*)::int AS rows, count(DISTINCT idempotency_key)::int AS keys FROM audit WHERE subject = $1`,
    [`order:${ORDER}`],
  )
  report.audit_rows = audit.rows[0]?.rows ?? 0
  if (report.audit_rows !== wanted || audit.rows[0]?.keys !== wanted) find(race, `${report.audit_rows} audit rows`)
  const done = await stage.pool.query<{ done: number }>(
    `SELECT count(*)::int AS done FROM commands WHERE action = 'order.reassign' AND outcome ? 'done'`,
  )
  if (done.rows[0]?.done !== wanted) find(race, `${done.rows[0]?.done} commands are kept as done`)
  report.events = await eventsInLog(race, wanted)
  if (report.events !== wanted) find(race, `the log has ${report.events} changes of the trip, of ${wanted}`)
}

const LOG_WITHIN_MS = 60_000

/** Distinct versions of trips in `deliveries`: an outbox row whose relay died may lie there twice. */
async function eventsInLog(race: Race, wanted: number): Promise<number> {
  for (const until = performance.now() + LOG_WITHIN_MS; ; await delay(500)) {
    const found = await tripVersions(race.stage)
    if (found >= wanted || performance.now() > until) return found
  }
}

async function tripVersions({ kafka, namespace }: Stage): Promise<number> {
  const topic = topicName(namespace, 'deliveries')
  const ends = await topicEnds(kafka, topic)
  const ranges = ends.map(({ high }, partition) => ({ topic, partition, from: 0, to: high }))
  await using log = await openRanges(kafka, namespace, ranges)
  const versions = new Set<string>()
  for (const { partition } of ranges) {
    for await (const messages of log.read(topic, partition)) {
      for (const { value } of messages) {
        const { type, data } = JSON.parse(String(value)) as { type: string; data: { trip_id: string; version: number } }
        // Its times are told anew whenever they change, whoever races.
        if (type !== 'trip.retimed') versions.add(`${data.trip_id}/${data.version}`)
      }
    }
  }
  return versions.size
}
