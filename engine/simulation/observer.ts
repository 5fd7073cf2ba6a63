import type { DecisionsRecord } from '../../ingest/events/decisions.ts'
import { entriesOf, type MovementsRecord } from '../../ingest/events/movements.ts'
import type { LogMessage } from '../../ingest/io/log_messages.ts'
import { placeName } from './books.ts'
import { must } from './must.ts'
import type { Reference } from './reference.ts'

/**
 * A reader downstream of one partition, written from DESIGN 4's words and not from the loader: a record of an epoch below
 * the highest seen is void, a source offset counts once. What counts must be what the reference fold decided and moved
 * (I5), in order, and nothing may be left out.
 */
export interface Observer {
  decisions(message: LogMessage): void
  movements(message: LogMessage): void
  /** `origin`: the message that it is about */
  dead(letter: LogMessage, origin: LogMessage): void
  /** null: everything that follows from the log so far has been published */
  missing(): string | null
  /** What counts of the movements, summed up, is the state. @throws Error when it is not */
  checkLedger(): void
  /** highest epoch of `decisions` */
  epoch(): number
  /** highest source offset whose decisions count */
  reached(): number
  readonly counts: Map<string, number>
}

const NOTHING = Buffer.alloc(0)

export function newObserver(reference: Reference): Observer {
  const counts = new Map<string, number>()
  const count = (name: string) => counts.set(name, (counts.get(name) ?? 0) + 1)
  const decided = { epoch: 0, last: -1 }
  const moved = { epoch: 0, last: -1 }
  const ledger = new Map<string, { on_hand: number; reserved: number; safety: number; in_transit: number }>()
  const dead = new Map<string, string>()
  /** source offsets whose dead letters are as they should be: one more of the same changes nothing */
  let compared = 0

  /** Every offset between two decisions that count must have had none. */
  function nothingSkipped(from: number, to: number): void {
    for (let offset = from; offset < to; offset += 1) {
      must(reference.operations[offset]?.decisions === null, () => `I5: what was decided at ${offset} is not published`)
    }
  }

  /** by source offset: of the record that counts */
  const epochs: number[] = []

  function takeDecided(source_offset: number, text: string): void {
    const expected = reference.operations[source_offset]?.decisions ?? null
    must(sameDecisions(text, expected), () => `I5: at ${source_offset} ${text} is published, and ${expected} expected`)
    if (source_offset <= decided.last) {
      count('repeated decisions')
      // A producer may send twice, but a new owner adopts what a former one decided.
      must(
        epochs[source_offset] === decided.epoch,
        () => `I5: ${source_offset} was decided in epoch ${epochs[source_offset]}, and anew in ${decided.epoch}`,
      )
      return
    }
    epochs[source_offset] = decided.epoch
    nothingSkipped(decided.last + 1, source_offset)
    decided.last = source_offset
  }

  function takeMoved(record: Extract<MovementsRecord, { kind: 'moved' }>): void {
    let rows = 0
    for (const entry of entriesOf(record)) {
      if (entry.source_offset <= moved.last) continue
      rows += 1
      const name = placeName(entry.warehouse_id, entry.sku)
      const sum = ledger.get(name) ?? { on_hand: 0, reserved: 0, safety: 0, in_transit: 0 }
      sum.on_hand += entry.on_hand
      sum.reserved += entry.reserved
      sum.safety += entry.safety
      sum.in_transit += entry.in_transit
      ledger.set(name, sum)
    }
    if (rows === 0) count('repeated movements')
    moved.last = Math.max(moved.last, Number(record.to_offset))
  }

  return {
    counts,
    epoch: () => decided.epoch,
    reached: () => decided.last,
    decisions({ value }) {
      const text = String(value)
      const { epoch, source_offset, decisions } = headOf(text)
      if (epoch < decided.epoch) {
        count('void decisions')
        return
      }
      decided.epoch = epoch
      if (source_offset !== null) takeDecided(source_offset, decisions)
    },
    movements({ value }) {
      const record = JSON.parse(String(value)) as MovementsRecord
      if (record.epoch < moved.epoch) {
        count('void movements')
        return
      }
      moved.epoch = record.epoch
      if (record.kind === 'moved') takeMoved(record)
    },
    dead({ headers, value }, message) {
      const { origin_topic = '', origin_offset = '', reason = '' } = headers
      const origin = `${origin_topic.split('.')[1]} ${origin_offset}`
      must(value?.equals(message.value ?? NOTHING), () => `I5: the dead letter of ${origin} holds other bytes`)
      const known = dead.get(origin)
      must(known === undefined || known === reason, () => `I5: ${origin} is dead as ${known} and as ${reason}`)
      const early = origin_topic.endsWith('.operations') && Number(origin_offset) < compared
      must(!early || known, () => `I5: ${origin} is dead as ${reason}, and had been folded in`)
      if (known) count('repeated dead letters')
      dead.set(origin, reason)
    },
    missing() {
      for (let offset = decided.last + 1; offset < reference.operations.length; offset += 1) {
        if (reference.operations[offset]?.decisions) return `decisions of ${offset}`
      }
      for (; compared < reference.operations.length; compared += 1) {
        const expected = reference.operations[compared]?.dead ?? null
        const found = dead.get(`operations ${compared}`) ?? null
        if (found !== expected) return `dead letter ${expected} of ${compared}, found ${found}`
      }
      for (const [offset, reason] of reference.courier_dead) {
        if (dead.get(`couriers ${offset}`) !== reason) return `dead letter ${reason} of couriers ${offset}`
      }
      return null
    },
    checkLedger() {
      for (const zone of reference.held.zones.values()) {
        for (const [warehouse_id, { stock }] of zone.warehouses) {
          for (const [sku, { on_hand, reserved, safety }] of stock) {
            const sum = ledger.get(placeName(warehouse_id, sku))
            const same =
              (sum?.on_hand ?? 0) === on_hand && (sum?.reserved ?? 0) === reserved && (sum?.safety ?? 0) === safety
            must(
              same,
              () =>
                `the movements of ${warehouse_id} ${sku} sum up to ${JSON.stringify(sum)}, it is ${on_hand} ${reserved}`,
            )
          }
        }
      }
    },
  }
}

const HEAD = /"epoch":(\d+).*?"source_offset":"(\d+)"/

/** Whole records are parsed only where the short way does not fit: there are a hundred million of them. */
function headOf(text: string): { epoch: number; source_offset: number | null; decisions: string } {
  const at = text.indexOf('"decisions":[')
  const head = at > 0 && text.startsWith('{"kind":"decided"') ? HEAD.exec(text.slice(0, at)) : null
  if (head) {
    return { epoch: Number(head[1]), source_offset: Number(head[2]), decisions: text.slice(at + 12, -1) }
  }
  const record = JSON.parse(text) as DecisionsRecord
  if (record.kind === 'owner') return { epoch: record.epoch, source_offset: null, decisions: '' }
  const { epoch, source_offset, decisions } = record
  return { epoch, source_offset: Number(source_offset), decisions: JSON.stringify(decisions) }
}

function sameDecisions(text: string, expected: string | null): boolean {
  return text === expected || (expected !== null && sorted(text) === sorted(expected))
}

/** The same for the same content, whatever order its fields have. */
const sorted = (text: string): string =>
  JSON.stringify(JSON.parse(text), (_name, value: unknown) =>
    value !== null && typeof value === 'object' && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  )
