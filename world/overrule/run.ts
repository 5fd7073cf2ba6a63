import { setTimeout as delay } from 'node:timers/promises'
import { type DeliveryEvent, topicName } from '../../ingest/contract.ts'
import { kafkaClient, topicEnds } from '../../ingest/io/kafka.ts'
import { DEVELOPMENT_KEY } from '../../ingest/io/keys.ts'
import { openRanges } from '../../ingest/io/ranges.ts'
import { type Accounts, takeAccounts } from '../accounts.ts'
import { ZONE_ID } from '../city/chicago.ts'
import { openCity } from '../city/city.ts'
import { chicagoEvening } from '../city/evening.ts'
import type { ServerUrls } from '../servers/config.ts'
import { startServices } from '../services.ts'
import { checkBook, readWays, type Ways } from './book.ts'
import { checkTrips } from './check.ts'
import { type Dispatcher, openDispatcher } from './dispatcher.ts'

/** An evening with a dispatcher who overrules. What must be so stands in options.ts. */

export interface OverruleReport {
  seed: number
  business_min: number
  trips: number
  orders_pinned: number
  plans_refused: number
  trips_taken_away: number
  /** outcome → trips */
  offers: Record<string, number>
  /** changes of orders that were answered with 200, and rows of the audit */
  changes: number
  audit_rows: number
  answers: Dispatcher['answers']
  orders: Accounts['orders']
  etas: Accounts['etas']
  /** where the time of delivered orders went, by whether they were late */
  ways: Record<string, Ways>
  findings: string[]
  ok: boolean
}

export interface OverruleTask {
  /** the databases are migrated */
  urls: ServerUrls
  namespace: string
  log_dir: string
  minutes: number
  speed: number
  seed: number
  orders_per_min: number
  couriers: number
  /** the dispatcher only looks on */
  calm?: boolean
  warm_up_min?: number
  log: (line: string) => void
}

const TENANT = 'demo'
const PROGRESS_MS = 30_000
const ACCOUNTS_WITHIN_MS = 120_000
const ONLY = ['ingest', 'engine', 'loader', 'dispatch'] as const

export async function runOverrule(task: OverruleTask): Promise<OverruleReport> {
  const { urls, namespace, log_dir, seed, log } = task
  await using services = await startServices({ urls, namespace, log_dir, only: ONLY, env: { WAGGLE_KEYS: '' }, log })
  const dispatch_url = services.each.dispatch.url
  const { speed, orders_per_min, couriers } = task
  const city = openCity({
    ...{ ingest_url: services.each.ingest.url, dispatch_url, key: DEVELOPMENT_KEY, seed, speed, say: log },
    town: chicagoEvening({ seed, run: `overrule-${seed}`, orders_per_min, couriers }),
    ...(task.warm_up_min !== undefined && { warm_up_min: task.warm_up_min }),
  })
  await Promise.race([city.begin(), city.failed])
  const began = city.report().time_ms
  log('the evening begins')
  const dispatcher = openDispatcher({ dispatch_url, zone_id: ZONE_ID, seed, calm: task.calm ?? false })
  const telling = setInterval(() => log(progressOf(dispatcher)), PROGRESS_MS)
  try {
    await Promise.race([delay(task.minutes * 60_000), city.failed, dispatcher.failed])
  } finally {
    clearInterval(telling)
  }
  await dispatcher.stop()
  await city.stop()
  const { customers, time_ms } = city.report()
  log('the evening is over; the accounts are taken')
  const about = { urls, namespace, acknowledged: customers.acknowledged, tenant_id: TENANT }
  const accounts = await takeAccounts({ ...about, timeout_ms: ACCOUNTS_WITHIN_MS })
  const refused = await metricOf(dispatch_url, 'waggle_dispatch_plans_refused_total')
  const taken_away = await metricOf(dispatch_url, 'waggle_dispatch_trips_taken_away_total')
  const checked = checkTrips(await deliveries(task), dispatcher.said)
  const changes = [...dispatcher.said.values()].reduce((sum, said) => sum + said.order_ids.length, 0)
  const { audit_rows, ...book } = await checkBook(urls)
  const findings = [...checked.findings, ...book.findings, ...accounts.faults]
  if (refused > 0) findings.push(`the checker refused ${refused} plans`)
  const untold = await metricOf(dispatch_url, 'waggle_dispatch_etas_failed_total')
  if (untold > 0) findings.push(`in ${untold} rounds arrivals could not be told`)
  if (audit_rows !== changes) findings.push(`${changes} changes were answered, the audit has ${audit_rows}`)
  return {
    ...{ seed, business_min: Math.round((time_ms - began) / 60_000), trips: checked.trips },
    ...{ orders_pinned: checked.pinned, plans_refused: refused, trips_taken_away: taken_away, changes, audit_rows },
    offers: await byLabel(dispatch_url, 'waggle_dispatch_offers_total', 'outcome'),
    ...{
      answers: dispatcher.answers,
      orders: accounts.orders,
      etas: accounts.etas,
      ways: await readWays(urls),
      findings,
      ok: findings.length === 0,
    },
  }
}

function progressOf({ answers }: Dispatcher): string {
  const all = Object.values(answers).flatMap(of => Object.entries(of))
  const sum = (of: typeof all) => of.reduce((total, [, count]) => total + count, 0)
  return `${sum(all)} commands, ${sum(all.filter(([answer]) => answer === '200'))} done`
}

async function linesOf(url: string, name: string): Promise<string[]> {
  const text = await fetch(`${url}/metrics`).then(response => response.text())
  return text.split('\n').filter(line => line.startsWith(name))
}

const numberAtEnd = (line: string): number => Number(line.slice(line.lastIndexOf(' ') + 1))

async function metricOf(url: string, name: string): Promise<number> {
  return (await linesOf(url, name)).reduce((sum, line) => sum + numberAtEnd(line), 0)
}

async function byLabel(url: string, name: string, label: string): Promise<Record<string, number>> {
  const pairs = (await linesOf(url, name)).map(line => [line.match(`${label}="([^"]*)"`)?.[1] ?? '', numberAtEnd(line)])
  return Object.fromEntries(pairs)
}

async function deliveries({ urls, namespace }: OverruleTask): Promise<DeliveryEvent[]> {
  const kafka = kafkaClient({ brokers: urls.kafka_brokers.split(','), client_id: 'overrule' })
  const topic = topicName(namespace, 'deliveries')
  const ends = await topicEnds(kafka, topic)
  const ranges = ends.map(({ high }, partition) => ({ topic, partition, from: 0, to: high }))
  await using reading = await openRanges(kafka, namespace, ranges)
  const events: DeliveryEvent[] = []
  for (const { partition } of ranges) {
    for await (const messages of reading.read(topic, partition)) {
      for (const { value } of messages) events.push(JSON.parse(String(value)) as DeliveryEvent)
    }
  }
  return events
}
