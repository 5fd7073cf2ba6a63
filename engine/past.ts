import { businessTime } from '../ingest/contract.ts'
import type { Decision } from '../ingest/events/decisions.ts'
import type { ZoneId } from '../ingest/events/envelope.ts'
import type { LogMessage } from '../ingest/io/log_messages.ts'
import { forgetChanged } from './checkpoint/copy.ts'
import { judge, type RuleState } from './loader/rule.ts'
import { parseDecisions } from './owner/adoption.ts'
import { newZone, type Source, type ZoneState } from './state.ts'
import { decodeOperation } from './worker/decode.ts'
import { type Outcome, step } from './zone.ts'

/**
 * One zone's past, folded again from the log: its events, and what was really decided about them. Nothing is decided anew,
 * so it shows what was so, whichever version of the code decided it.
 *
 *   operations  ──► decode ──► before() ──► step(…, what was published) ──► after()
 *   decisions   ──► the readers' rule (void ones out) ──┘
 */
export interface PastLog {
  partition: number
  /** of the topic, for the check that an event lies where its key belongs */
  partitions: number
  /** `operations` from the start's `next_offset` */
  operations: AsyncIterable<LogMessage[]>
  /** `decisions` from the start's `decisions_next` */
  decisions: AsyncIterable<LogMessage[]>
}

/** Where the fold begins: a checkpoint, or nothing. */
export interface PastStart {
  next_offset: number
  decisions_next: number
  decisions_epoch: number
  zone: ZoneState | null
}

export const FROM_NOTHING: PastStart = { next_offset: 0, decisions_next: 0, decisions_epoch: 0, zone: null }

/** An event as it was folded in. */
export interface Happened {
  source: Source
  /** after it */
  zone: ZoneState
  outcome: Outcome
  /** false: no decision about this or anything behind it is published, so the engine may not have seen it */
  decided: boolean
}

export interface Visitor {
  zone_id: ZoneId
  /** Before an event of the zone is folded in; `time` is the zone's with it. 'stop' ends here and leaves the zone as it is. */
  before?: (source: Source, time: number, zone: ZoneState) => 'stop' | undefined
  after?: (happened: Happened) => void
  /** Told how many records were read. */
  read?: (count: number) => void
}

export interface Folded {
  /** null: the zone has no event up to here */
  zone: ZoneState | null
  /** first offset of `operations` that is not folded in */
  next_offset: number
  /** highest source offset about which something is published; −1: none */
  decided_through: number
  /** of the code that published those decisions */
  fold_versions: ReadonlySet<string>
  stopped: boolean
}

export async function foldPast(log: PastLog, start: PastStart, visitor: Visitor): Promise<Folded> {
  const published = openPublished(log.decisions, start.decisions_epoch)
  const folded: Folded = {
    zone: start.zone,
    next_offset: start.next_offset,
    decided_through: -1,
    fold_versions: published.fold_versions,
    stopped: false,
  }
  for await (const messages of log.operations) {
    const last = messages.at(-1)
    if (last) await published.readTo(last.offset)
    folded.decided_through = published.through()
    for (const message of messages) {
      if (message.offset < folded.next_offset) continue
      folded.stopped = foldMessage(log, folded, message, published, visitor) === 'stop'
      if (folded.stopped) return folded
      folded.next_offset = message.offset + 1
    }
    if (folded.zone) forgetChanged(folded.zone)
    visitor.read?.(messages.length)
  }
  return folded
}

function foldMessage(
  { partition, partitions }: PastLog,
  folded: Folded,
  { offset, appended_at, value }: LogMessage,
  published: Published,
  visitor: Visitor,
): 'stop' | undefined {
  const decoded = value ? decodeOperation(value.toString(), partition, partitions) : null
  if (!decoded || 'reason' in decoded || decoded.event.zone_id !== visitor.zone_id) return undefined
  const { event } = decoded
  folded.zone ??= newZone(event.zone_id, event.tenant_id)
  const { zone } = folded
  const source = { offset, appended_at, event }
  if (visitor.before?.(source, timeWith(zone, appended_at), zone) === 'stop') return 'stop'
  const outcome = step(zone, source, published.take(offset))
  visitor.after?.({ source, zone, outcome, decided: offset <= published.through() })
  return undefined
}

/** The zone's time once something that was appended then is folded in. */
export const timeWith = (zone: ZoneState, appended_at: number): number =>
  Math.max(zone.time, businessTime(zone.clock, Math.max(zone.appended_at, appended_at)))

// ── What was published ──────────────────────────────────────────────────────────────────────────────────────────────

interface Published {
  /** Reads on until everything that was decided about offsets up to this one is known. */
  readTo(offset: number): Promise<void>
  /** What was decided about an offset; to be asked in order. An empty list: nothing. */
  take(offset: number): readonly Decision[]
  through(): number
  fold_versions: ReadonlySet<string>
}

/** @param epoch the highest that lies before the first of these records */
export function openPublished(records: AsyncIterable<LogMessage[]>, epoch: number): Published {
  const batches = records[Symbol.asyncIterator]()
  const known = new Map<number, readonly Decision[]>()
  const fold_versions = new Set<string>()
  let state: RuleState = { epoch, source_offset: -1 }
  return {
    async readTo(offset) {
      while (state.source_offset < offset) {
        const { done, value: messages } = await batches.next()
        if (done) return
        for (const { value } of messages) {
          const record = parseDecisions(value)
          if (!record) continue
          const source_offset = record.kind === 'owner' ? null : Number(record.source_offset)
          const judged = judge(state, { epoch: record.epoch, source_offset })
          state = judged.state
          if (record.kind === 'owner' || Number(record.source_offset) <= judged.void_to) continue
          known.set(Number(record.source_offset), record.decisions)
          fold_versions.add(record.fold_version)
        }
      }
    },
    take(offset) {
      const decisions = known.get(offset) ?? []
      known.delete(offset)
      return decisions
    },
    through: () => state.source_offset,
    fold_versions,
  }
}
