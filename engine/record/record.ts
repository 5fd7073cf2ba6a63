import { businessTime, topicName, type Zone } from '../../ingest/contract.ts'
import type { ZoneId } from '../../ingest/events/envelope.ts'
import { readClock } from '../../ingest/io/clock.ts'
import { topicEnds } from '../../ingest/io/kafka.ts'
import { readNetwork } from '../../ingest/io/network.ts'
import { grouped, type Output, openProgress, type Tool } from '../command.ts'
import type { Connection } from '../connection.ts'
import { homeOf, isOldEnough, type LogEnds, nearestStart, openPast, readEnds } from '../past/log.ts'
import { dayText, readMoment } from '../past/moment.ts'
import { searchTopic } from '../past/search.ts'
import { foldPast, type PastLog, type PastStart } from '../past.ts'
import type { ZoneState } from '../state.ts'
import type { RecordedEvent, RecordingHead } from './format.ts'
import { HELP, type Options, readOptions } from './options.ts'
import { type Couriers, couriersUntil, type LeftOut, openSieve, type Sieve } from './sieve.ts'
import { snapshotOf } from './snapshot.ts'

export const RECORD: Tool<Options> = { name: 'record', help: HELP, parse: readOptions, work: record }

/** Business time, ms: `from` is in it, `to` is not. */
export interface Stretch {
  from: number
  to: number
}

async function record(connection: Connection, options: Options, { write, tell }: Output): Promise<number> {
  const zone = await zoneOf(connection, options.zone_id)
  const stretch = await readStretch(connection, options, zone.time_zone)
  const ends = await readEnds(connection)
  const sieve = openSieve(stretch)
  const snapshot = await readOperations(connection, ends, zone.zone_id, stretch, sieve)
  const failed = await readFailed(connection, zone.zone_id, homeOf(zone.zone_id, ends), sieve)
  const couriers = await readCouriers(connection, zone.zone_id, stretch)
  // What happened at one moment stays in the order of its topic: the sort is stable.
  const events = [...sieve.events, ...failed, ...couriers.events].sort((a, b) => a.occurred_at - b.occurred_at)
  const head: RecordingHead = { recording: 1, zone, ...stretch }
  const all = [...snapshot, ...couriers.on_shift, ...events]
  for (const line of [head, ...all, { end: all.length }]) write(`${JSON.stringify(line)}\n`)
  tell(summaryOf(zone, stretch, events, { ...sieve.left_out, ...couriers.left_out }))
  return 0
}

async function zoneOf({ pool }: Connection, zone_id: string | undefined): Promise<Zone> {
  const zones = [...(await readNetwork(pool)).zones.values()]
  const ids = zones.map(one => one.zone_id).sort()
  const [only] = zones
  if (zone_id === undefined && zones.length > 1)
    throw new Error(`there are several zones: say --zone, one of ${ids.join(', ')}`)
  const zone = zone_id === undefined ? only : zones.find(one => one.zone_id === zone_id)
  if (!zone)
    throw new Error(
      zone_id === undefined ? 'Postgres knows no zone' : `there is no zone ${zone_id}: only ${ids.join(', ')}`,
    )
  const { name, time_zone, cells } = zone
  return { zone_id: zone.zone_id, name, time_zone, cells: [...cells].sort() }
}

async function readStretch({ pool }: Connection, options: Options, time_zone: string): Promise<Stretch> {
  const now_ms = businessTime(await readClock(pool), Date.now())
  const timeOf = (text: string): number => {
    const moment = readMoment(text, now_ms, time_zone)
    return moment.kind === 'time' ? moment.time_ms : now_ms
  }
  const stretch = { from: timeOf(options.from), to: timeOf(options.to) }
  if (stretch.to > now_ms) {
    const [asked, reached] = [stretch.to, now_ms].map(time_ms => dayText(time_ms, time_zone))
    throw new Error(`${asked} is not reached yet: by the business clock it is ${reached} (${time_zone})`)
  }
  if (stretch.from >= stretch.to) throw new Error(`--from ${options.from} is not before --to ${options.to}`)
  return stretch
}

/** @returns how the zone stood at the beginning; what happened from then on goes through the sieve */
async function readOperations(
  connection: Connection,
  ends: LogEnds,
  zone_id: ZoneId,
  stretch: Stretch,
  sieve: Sieve,
): Promise<RecordedEvent[]> {
  const partition = homeOf(zone_id, ends)
  const before = { kind: 'time' as const, time_ms: stretch.from - 1 }
  const start = await nearestStart(connection, partition, zone_id, state => isOldEnough(state, before))
  await using past = await openPast(connection, ends, partition, start)
  const progress = openProgress(`folding zone ${zone_id}`, past.total)
  const snapshot = await foldStretch(past.log, start, { zone_id, ...stretch }, sieve, progress.add)
  progress.end()
  return snapshot
}

/** @throws Error when the zone was not there yet */
export async function foldStretch(
  log: PastLog,
  start: PastStart,
  { zone_id, from, to }: Stretch & { zone_id: ZoneId },
  sieve: Sieve,
  read: (count: number) => void = () => {},
): Promise<RecordedEvent[]> {
  let snapshot: RecordedEvent[] | undefined
  const stand = (zone: ZoneState): void => {
    if (zone.warehouses.size === 0) throw new Error(`zone ${zone_id} has no warehouse before that time`)
    snapshot ??= snapshotOf(zone, from)
  }
  const folded = await foldPast(log, start, {
    zone_id,
    before(_, time, zone) {
      if (time >= from) stand(zone)
      return time >= to ? 'stop' : undefined
    },
    after({ source, outcome }) {
      if (snapshot !== undefined && outcome.kind !== 'duplicate' && outcome.kind !== 'dead') sieve.take(source.event)
    },
    read,
  })
  if (folded.zone) stand(folded.zone)
  if (snapshot === undefined) throw new Error(`zone ${zone_id} has no event before that time`)
  return snapshot
}

/** Doors at which nobody opened, of the orders in the sieve. */
async function readFailed(
  connection: Connection,
  zone_id: ZoneId,
  partition: number,
  sieve: Sieve,
): Promise<RecordedEvent[]> {
  const ends = await topicEnds(connection.kafka, topicName(connection.namespace, 'deliveries'))
  const failed = new Map<string, RecordedEvent>()
  await searchTopic(connection, { topic: 'deliveries', ends, partition, holds: '"delivery.failed"' }, event => {
    if (event.zone_id !== zone_id) return
    const found = sieve.failed(event)
    if (found !== undefined) failed.set(String(event.event_id), found)
  })
  return [...failed.values()]
}

async function readCouriers(connection: Connection, zone_id: ZoneId, stretch: Stretch): Promise<Couriers> {
  const ends = await topicEnds(connection.kafka, topicName(connection.namespace, 'couriers'))
  const said = couriersUntil(stretch)
  await searchTopic(connection, { topic: 'couriers', ends, partition: undefined, holds: undefined }, event => {
    if (event.zone_id === zone_id) said.take(event)
  })
  return said.end()
}

function summaryOf(
  { name, time_zone }: Zone,
  { from, to }: Stretch,
  events: readonly RecordedEvent[],
  left_out: LeftOut,
): string {
  const orders = events.filter(one => one.type === 'order.placed').length
  const out = Object.entries(left_out).map(([type, count]) => `${grouped(count)} ${type}`)
  return [
    `${name}, ${dayText(from, time_zone)} to ${dayText(to, time_zone)}: ${grouped(orders)} orders, ${grouped(events.length)} events in all`,
    out.length > 0 ? `; left out: ${out.join(', ')}` : '',
  ].join('')
}
