import { businessTime } from '../../ingest/contract.ts'
import type { ZoneId } from '../../ingest/events/envelope.ts'
import type { Policy } from '../../ingest/events/network.ts'
import { readClock } from '../../ingest/io/clock.ts'
import { readNetwork } from '../../ingest/io/network.ts'
import { forgetChanged } from '../checkpoint/copy.ts'
import { FOLD_VERSION } from '../checkpoint.ts'
import { type Output, openProgress, type Tool } from '../command.ts'
import type { Connection } from '../connection.ts'
import { homeOf, isOldEnough, type LogEnds, nearestStart, openPast, readEnds, timeZoneOf } from '../past/log.ts'
import { dayText, type Moment, readMoment } from '../past/moment.ts'
import { foldPast, type PastLog, type PastStart } from '../past.ts'
import { type Branch, branchOff, goOn } from './branch.ts'
import { HELP, type Options, readOptions } from './options.ts'
import { changesOf } from './policy.ts'
import { differences, figuresOf, newTally, note } from './tally.ts'
import { type Answer, answerText } from './text.ts'

export const WHAT_IF: Tool<Options> = { name: 'what-if', help: HELP, parse: readOptions, work: whatIf }

async function whatIf(connection: Connection, options: Options, { print, tell }: Output): Promise<number> {
  const ends = await readEnds(connection)
  const zone_ids = options.zone_id === undefined ? await allZones(connection) : [options.zone_id as ZoneId]
  let answered = 0
  for (const zone_id of zone_ids) {
    const time_zone = await timeZoneOf(connection, zone_id)
    const stretch = await readStretch(connection, options, time_zone)
    const partition = homeOf(zone_id, ends)
    const answer = await askZone(connection, ends, { zone_id, partition, ...stretch, policy: options.policy })
    if (!answer) {
      tell(`zone ${zone_id} has no event in that time (operations/${partition})`)
      continue
    }
    if (options.json) print(JSON.stringify(answer))
    else print(`${answered > 0 ? '\n' : ''}${answerText(answer, time_zone, options.show)}`)
    answered += 1
  }
  if (answered === 0) throw new Error('there is nothing to decide anew in that time')
  return 0
}

async function allZones({ pool }: Connection): Promise<ZoneId[]> {
  const { zones } = await readNetwork(pool)
  if (zones.size === 0) throw new Error('Postgres knows no zone: name one with --zone')
  return [...zones.keys()].sort()
}

interface Stretch {
  from: Moment
  to: Moment
}

async function readStretch({ pool }: Connection, options: Options, time_zone: string): Promise<Stretch> {
  const now_ms = businessTime(await readClock(pool), Date.now())
  const [from, to] = [readMoment(options.from, now_ms, time_zone), readMoment(options.to, now_ms, time_zone)]
  for (const moment of [from, to]) {
    if (moment.kind === 'time' && moment.time_ms > now_ms) {
      const asked = dayText(moment.time_ms, time_zone)
      throw new Error(
        `${asked} is not reached yet: by the business clock it is ${dayText(now_ms, time_zone)} (${time_zone})`,
      )
    }
  }
  const upside_down =
    (from.kind === 'time' && to.kind === 'time' && from.time_ms >= to.time_ms) ||
    (from.kind === 'offset' && to.kind === 'offset' && from.offset >= to.offset)
  if (upside_down) throw new Error(`--from ${options.from} is not before --to ${options.to}`)
  return { from, to }
}

export interface Asked extends Stretch {
  zone_id: ZoneId
  partition: number
  policy: Partial<Policy>
}

async function askZone(connection: Connection, ends: LogEnds, asked: Asked): Promise<Answer | null> {
  const { zone_id, partition, from, to } = asked
  const high = ends.operations[partition]?.high ?? 0
  if (from.kind === 'offset' && from.offset >= high)
    throw new Error(`offset ${from.offset} is not reached yet: operations/${partition} ends before ${high}`)
  const start = await nearestStart(connection, partition, zone_id, state => isOldEnough(state, beforeOf(from)))
  await using past = await openPast(connection, ends, partition, start, to.kind === 'offset' ? to.offset + 1 : high)
  const progress = openProgress(`deciding zone ${zone_id} anew`, past.total)
  const answer = await decideAnew(past.log, start, asked, progress.add)
  progress.end()
  return answer
}

/** The state just before `from`: what happens at that very moment is decided anew. */
const beforeOf = (from: Moment): Moment => {
  if (from.kind === 'offset') return { kind: 'offset', offset: from.offset - 1 }
  return from.kind === 'time' ? { kind: 'time', time_ms: from.time_ms - 1 } : from
}

interface Branches {
  again: Branch
  other: Branch
  changes: string[]
}

/** Folds the log as it was, and from `from` on two more zones beside it. null: there is no event in that time. */
export async function decideAnew(
  log: PastLog,
  start: PastStart,
  { zone_id, partition, from, to, policy }: Asked,
  read?: (count: number) => void,
): Promise<Answer | null> {
  const really = newTally()
  const span = { from: 0, to: 0, from_offset: 0, to_offset: 0, events: 0, undecided: 0 }
  let branches = null as Branches | null
  const picked = new Set<string>()
  const folded = await foldPast(log, start, {
    zone_id,
    before({ offset }, time, zone) {
      if (isBehind(to, offset, time)) return 'stop'
      if (branches || !isFrom(from, offset, time)) return undefined
      branches = { again: branchOff(zone, {}), other: branchOff(zone, policy), changes: changesOf(zone.policy, policy) }
      Object.assign(span, { from: time, from_offset: offset })
      return undefined
    },
    after(happened) {
      if (!branches) return
      const { source, zone, outcome, decided } = happened
      if ('decisions' in outcome) note(really, outcome.decisions, zone)
      goOn(branches.again, happened)
      goOn(branches.other, happened)
      for (const order_id of branches.other.alone) picked.add(order_id)
      Object.assign(span, { to: zone.time, to_offset: source.offset, events: span.events + 1 })
      if (!decided) span.undecided += 1
    },
    read(count) {
      for (const branch of branches ? [branches.again, branches.other] : []) forgetChanged(branch.zone)
      read?.(count)
    },
  })
  if (!branches || span.events === 0) return null
  const { again, other, changes } = branches
  return {
    zone_id,
    partition,
    ...span,
    changes,
    really: figuresOf(really),
    again: figuresOf(again.tally),
    other: figuresOf(other.tally),
    unlike_really: differences(really, again.tally),
    moved: differences(again.tally, other.tally),
    fold_versions: [...folded.fold_versions].filter(version => version !== FOLD_VERSION).sort(),
    dropped: other.dropped - again.dropped,
    picked_alone: picked.size,
  }
}

const isBehind = (to: Moment, offset: number, time: number): boolean =>
  (to.kind === 'offset' && offset > to.offset) || (to.kind === 'time' && time > to.time_ms)

const isFrom = (from: Moment, offset: number, time: number): boolean =>
  (from.kind === 'offset' && offset >= from.offset) || (from.kind === 'time' && time >= from.time_ms)
