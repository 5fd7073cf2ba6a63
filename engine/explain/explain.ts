import { businessTime } from '../../ingest/contract.ts'
import type { ZoneId } from '../../ingest/events/envelope.ts'
import { readClock } from '../../ingest/io/clock.ts'
import { grouped, type Output, openProgress, type Tool } from '../command.ts'
import type { Connection } from '../connection.ts'
import { homeOf, isOldEnough, type LogEnds, nearestStart, openPast, readEnds, timeZoneOf } from '../past/log.ts'
import { dayText, type Moment, readMoment } from '../past/moment.ts'
import { type Folded, FROM_NOTHING, foldPast, type PastStart, type Visitor } from '../past.ts'
import type { HoldState, ZoneState } from '../state.ts'
import { findOrder, findWarehouse } from './find.ts'
import { HELP, type Options, readOptions } from './options.ts'
import { newLife, noteHappened, type OrderLife } from './order.ts'
import { newStory, noteMoved, stockAt } from './stock.ts'
import { lifeText, stockText } from './text.ts'

export const EXPLAIN: Tool<Options> = { name: 'explain', help: HELP, parse: readOptions, work: explain }

async function explain(connection: Connection, options: Options, output: Output): Promise<number> {
  const ends = await readEnds(connection)
  const { subject } = options
  return subject.kind === 'order'
    ? explainOrder(connection, ends, options, subject.order_id, output)
    : explainStock(connection, ends, options, subject, output)
}

// ── Folding up to a moment ──────────────────────────────────────────────────────────────────────────────────────────

interface Wanted {
  zone_id: ZoneId
  partition: number
  time_zone: string
  moment: Moment
}

async function wantedOf(connection: Connection, ends: LogEnds, zone_id: string, at: string): Promise<Wanted> {
  const partition = homeOf(zone_id, ends)
  const [time_zone, clock] = await Promise.all([timeZoneOf(connection, zone_id), readClock(connection.pool)])
  const now_ms = businessTime(clock, Date.now())
  const moment = readMoment(at, now_ms, time_zone)
  const high = ends.operations[partition]?.high ?? 0
  if (moment.kind === 'offset' && moment.offset >= high)
    throw new Error(`offset ${moment.offset} is not reached yet: operations/${partition} ends before ${high}`)
  if (moment.kind === 'time' && moment.time_ms > now_ms) {
    const [asked, now] = [dayText(moment.time_ms, time_zone), dayText(now_ms, time_zone)]
    throw new Error(`${asked} is not reached yet: by the business clock it is ${now} (${time_zone})`)
  }
  return { zone_id: zone_id as ZoneId, partition, time_zone, moment }
}

async function foldTo(
  connection: Connection,
  ends: LogEnds,
  { zone_id, partition, moment, time_zone }: Wanted,
  start: PastStart,
  visitor: Omit<Visitor, 'zone_id'>,
): Promise<Folded & { zone: ZoneState }> {
  const to = moment.kind === 'offset' ? moment.offset + 1 : undefined
  await using past = await openPast(connection, ends, partition, start, to)
  const progress = openProgress(`folding operations/${partition}`, past.total)
  let first_time: number | null = null
  const folded = await foldPast(past.log, start, {
    ...visitor,
    zone_id,
    before(source, time, zone) {
      first_time ??= time
      if (moment.kind === 'time' && time > moment.time_ms) return 'stop'
      return visitor.before?.(source, time, zone)
    },
    read: progress.add,
  })
  progress.end()
  const { zone } = folded
  if (zone && (start.zone || zone.appended_at > 0)) return { ...folded, zone }
  if (first_time === null) throw new Error(`nothing is in the log of zone ${zone_id} (operations/${partition})`)
  throw new Error(`the log of zone ${zone_id} begins after that, at ${dayText(first_time, time_zone)} (${time_zone})`)
}

// ── An order ────────────────────────────────────────────────────────────────────────────────────────────────────────

async function explainOrder(
  connection: Connection,
  ends: LogEnds,
  options: Options,
  order_id: string,
  { print }: Output,
): Promise<number> {
  const home = options.zone_id === undefined ? undefined : homeOf(options.zone_id, ends)
  const found = await findOrder(connection, ends, order_id, home)
  if (found.zones.length === 0) {
    const where = home === undefined ? 'operations' : `operations/${home}, where zone ${options.zone_id} lives`
    throw new Error(`order ${order_id} is not known: ${grouped(found.searched)} records of ${where} were searched`)
  }
  const zones = found.zones.filter(zone => zone.partition === homeOf(zone.zone_id, ends))
  if (zones.length === 0) {
    const at = found.zones.map(zone => `operations/${zone.partition}/${zone.first_offset}`).join(', ')
    throw new Error(`order ${order_id} lies only where it does not belong (${at}): see npm run dead-letters`)
  }
  for (const [place, { zone_id, first_offset }] of zones.entries()) {
    const wanted = await wantedOf(connection, ends, zone_id, options.at)
    const life = await lifeOf(connection, ends, wanted, order_id, first_offset, options)
    if (life.steps.length === 0) {
      throw new Error(
        `order ${order_id} was not known then: it is first spoken of at operations/${wanted.partition}/${first_offset}`,
      )
    }
    const deliveries = found.deliveries.filter(
      ({ time }) => wanted.moment.kind !== 'time' || time <= wanted.moment.time_ms,
    )
    if (options.json) print(JSON.stringify({ ...life, partition: wanted.partition, deliveries }))
    else
      print(
        `${place > 0 ? '\n' : ''}${lifeText(life, wanted.partition, place > 0 ? [] : deliveries, wanted.time_zone)}`,
      )
  }
  return 0
}

async function lifeOf(
  connection: Connection,
  ends: LogEnds,
  wanted: Wanted,
  order_id: string,
  first_offset: number,
  { from }: Options,
): Promise<OrderLife> {
  const start =
    from === 'log'
      ? FROM_NOTHING
      : await nearestStart(
          connection,
          wanted.partition,
          wanted.zone_id,
          state => state.next_offset <= first_offset && isOldEnough(state, wanted.moment),
        )
  const life = newLife(order_id, wanted.zone_id)
  let hold: HoldState | undefined
  await foldTo(connection, ends, wanted, start, {
    before({ event }, _time, zone) {
      const known = event.type === 'hold.confirmed' ? zone.holds.get(event.data.hold_id) : undefined
      hold = known && { ...known }
      return undefined
    },
    after: happened => noteHappened(life, happened, hold),
  })
  return life
}

// ── Stock ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** So much is folded from the first record, so that all movements are in view: a million takes 10 to 30 s. */
const RECORDS_FROM_LOG_MAX = 1_000_000

async function explainStock(
  connection: Connection,
  ends: LogEnds,
  options: Options,
  { warehouse_id, sku }: { warehouse_id: string; sku: string },
  { print }: Output,
): Promise<number> {
  const home = options.zone_id ?? (await findWarehouse(connection, ends, warehouse_id))?.zone_id
  if (home === undefined) throw new Error(`warehouse ${warehouse_id} is not known, neither to Postgres nor in the log`)
  const wanted = await wantedOf(connection, ends, home, options.at)
  const { partition, moment, zone_id } = wanted
  const records = moment.kind === 'offset' ? moment.offset : (ends.operations[partition]?.high ?? 0)
  const from = options.from ?? (records <= RECORDS_FROM_LOG_MAX ? 'log' : 'checkpoint')
  const start =
    from === 'log'
      ? FROM_NOTHING
      : await nearestStart(connection, partition, zone_id, state => isOldEnough(state, moment))
  const story = newStory(start.zone, warehouse_id, sku, options.last)
  let offset = start.next_offset - 1
  let undecided = 0
  const { zone } = await foldTo(connection, ends, wanted, start, {
    after(happened) {
      offset = happened.source.offset
      if (!happened.decided) undecided += 1
      noteMoved(story, happened)
    },
  })
  const at = stockAt(zone, warehouse_id, sku)
  if (!at) throw new Error(missing(zone, warehouse_id, sku))
  const told = { zone_id, partition, offset, time: zone.time, since_offset: start.next_offset, story, at, undecided }
  if (options.json) {
    print(
      JSON.stringify({
        ...told,
        story: { ...story, moved: options.last === 0 ? [] : story.moved.slice(-options.last) },
      }),
    )
  } else print(stockText(told, wanted.time_zone))
  return 0
}

function missing(zone: ZoneState, warehouse_id: string, sku: string): string {
  const known = [...zone.warehouses.values()]
  const warehouse = known.find(one => one.warehouse_id === warehouse_id)
  if (!warehouse) {
    const names = known.map(one => one.warehouse_id).sort()
    return `warehouse ${warehouse_id} was not known in zone ${zone.zone_id} then; known were ${names.slice(0, 20).join(', ') || 'none'}`
  }
  const names = [...warehouse.stock.keys()].sort()
  const alike = names.filter(name => name.includes(sku) || sku.includes(name))
  const shown = (alike.length > 0 ? alike : names).slice(0, 20).join(', ')
  return `${warehouse_id} had never had ${sku} then; it had ${names.length} SKUs${shown ? `, such as ${shown}` : ''}`
}
