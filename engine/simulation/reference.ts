import type { OperationsEvent } from '../../ingest/contract.ts'
import type { Decision } from '../../ingest/events/decisions.ts'
import type { LogMessage } from '../../ingest/io/log_messages.ts'
import { digestZones } from '../checkpoint.ts'
import { stepFleet } from '../fleet.ts'
import { loadPartition, type Partition } from '../partition.ts'
import { newZone, openOf, type ZoneState } from '../state.ts'
import { decodeCourier, decodeOperation } from '../worker/decode.ts'
import { step } from '../zone.ts'
import { type Books, newBooks, placeName } from './books.ts'
import { must } from './must.ts'
import { checkRefusal } from './sold_out.ts'

/**
 * The fold of one partition as it should be: one event at a time, in the moment in which it lands in the log, never
 * interrupted. After every step the invariants are checked against independent accounts. What the owners publish, save
 * and show later on is compared with this.
 */
export interface Reference {
  partition: number
  /** of the log so far */
  held: Partition
  operations: Expected[]
  /** offset in `couriers` → why it is a dead letter */
  courier_dead: Map<number, string>
  /** offset → digest of the state after it, at every DIGEST_EVERYth */
  digests: Map<number, string>
  counts: Map<string, number>
  foldOperation(message: LogMessage): void
  foldCourier(message: LogMessage): void
  /** Compares all of the state with the accounts; the steps compare what they touch. */
  audit(): void
}

/** What follows from one offset of `operations`: decisions as JSON, or the reason of a dead letter. */
export interface Expected {
  decisions: string | null
  dead: string | null
}

export const DIGEST_EVERY = 2_048
const AUDIT_EVERY = 1_024

export function newReference(partition: number, partitions: number): Reference {
  const nothing = { next_offset: 0, bytes: null }
  const held = loadPartition({ kind: 'load', partition, partitions, epoch: 1, operations: nothing, couriers: nothing })
  const books = new Map<ZoneState, Books>()
  const operations: Expected[] = []
  const courier_dead = new Map<number, string>()
  const digests = new Map<number, string>()
  const counts = new Map<string, number>()
  const count = (name: string) => counts.set(name, (counts.get(name) ?? 0) + 1)

  function zoneOf({ zone_id, tenant_id }: OperationsEvent): ZoneState {
    let zone = held.zones.get(zone_id)
    if (!zone) {
      zone = newZone(zone_id, tenant_id)
      held.zones.set(zone_id, zone)
    }
    return zone
  }

  function booksOf(zone: ZoneState): Books {
    let mine = books.get(zone)
    if (!mine) {
      mine = newBooks()
      books.set(zone, mine)
    }
    return mine
  }

  function stepOne(message: LogMessage): Expected {
    const decoded = decodeOperation(String(message.value ?? ''), partition, partitions)
    if ('reason' in decoded) return { decisions: null, dead: decoded.reason }
    const { event } = decoded
    const zone = zoneOf(event)
    const outcome = step(zone, { offset: message.offset, appended_at: message.appended_at, event })
    count(`outcome ${outcome.kind}`)
    if (outcome.kind === 'duplicate') return { decisions: null, dead: null }
    if (outcome.kind === 'dead') return { decisions: null, dead: outcome.reason }
    count(`event ${event.type}`)
    check(zone, event, outcome.decisions)
    return { decisions: outcome.decisions.length > 0 ? JSON.stringify(outcome.decisions) : null, dead: null }
  }

  function check(zone: ZoneState, event: OperationsEvent, decisions: readonly Decision[]): void {
    const mine = booksOf(zone)
    const { changed, granted } = mine.book(event, decisions, zone.time)
    for (const decision of decisions) count(`decision ${decision.type}`)
    for (const name of changed) compareLevel(zone, mine, name)
    for (const name of granted) {
      const level = mine.stock.get(name)
      must(level && level.reserved <= level.on_hand, () => `I1: ${name} was granted without cover`)
    }
    checkRefusal(zone, mine.stock, event, decisions)
  }

  return {
    partition,
    held,
    operations,
    courier_dead,
    digests,
    counts,
    foldOperation(message) {
      const expected = stepOne(message)
      operations.push(expected)
      held.operations.next_offset = message.offset + 1
      if (expected.dead) count(`dead ${expected.dead}`)
      if (message.offset % AUDIT_EVERY === AUDIT_EVERY - 1) this.audit()
      if (message.offset % DIGEST_EVERY === DIGEST_EVERY - 1)
        digests.set(message.offset, digestZones(held.zones.values()))
    },
    foldCourier(message) {
      const decoded = decodeCourier(String(message.value ?? ''), partition, partitions)
      held.couriers.next_offset = message.offset + 1
      if ('reason' in decoded) courier_dead.set(message.offset, decoded.reason)
      else count(`courier ${stepFleet(held.fleet, decoded.event)}`)
    },
    audit() {
      for (const [zone, mine] of books) auditZone(zone, mine)
    },
  }
}

function compareLevel(zone: ZoneState, books: Books, name: string): void {
  const [warehouse_id = '', sku = ''] = name.split(' ')
  const level = books.stock.get(name)
  const stock = zone.warehouses.get(warehouse_id as never)?.stock.get(sku as never)
  const same =
    stock?.on_hand === level?.on_hand &&
    stock?.reserved === level?.reserved &&
    stock?.safety === level?.safety &&
    stock?.in_transit === level?.in_transit
  const text = () => JSON.stringify([stock?.on_hand, stock?.reserved, stock?.safety, stock?.in_transit])
  must(
    same,
    () => `${name} is ${text()} [on hand, reserved, safety, in transit], by the accounts ${JSON.stringify(level)}`,
  )
  must(!level || (level.on_hand >= 0 && level.reserved >= 0), () => `I1: ${name} is ${JSON.stringify(level)}`)
}

/** Everything at once: no reservation without its order, none that an ended order keeps, nobody short and forgotten. */
function auditZone(zone: ZoneState, books: Books): void {
  const reserved = new Map<string, number>()
  const open_lines = new Map<string, number>()
  for (const { fulfilments, state } of [...zone.orders.values(), ...zone.holds.values()]) {
    for (const { warehouse_id, lines } of fulfilments) {
      for (const line of lines) {
        const open = openOf(line)
        must(open >= 0, () => `I3: ${line.line_id} resolved more than was granted`)
        must(open === 0 || !ENDED.has(state), () => `I3: ${line.line_id} is open in something that is ${state}`)
        const name = placeName(warehouse_id, line.sku)
        reserved.set(name, (reserved.get(name) ?? 0) + open)
        if (open > 0) open_lines.set(warehouse_id, (open_lines.get(warehouse_id) ?? 0) + 1)
      }
    }
  }
  for (const [warehouse_id, warehouse] of zone.warehouses) {
    const lines = open_lines.get(warehouse_id) ?? 0
    must(warehouse.open_lines === lines, () => `${warehouse_id} says ${warehouse.open_lines} open lines, not ${lines}`)
    for (const [sku, stock] of warehouse.stock) {
      const name = placeName(warehouse_id, sku)
      compareLevel(zone, books, name)
      const sum = reserved.get(name) ?? 0
      must(stock.reserved === sum, () => `I3: ${name} has ${stock.reserved} reserved, and ${sum} are open`)
      must(
        stock.reserved <= stock.on_hand || zone.short.length > 0,
        () => `${name} is short and nobody works on it: ${JSON.stringify(stock)}`,
      )
    }
  }
}

const ENDED: ReadonlySet<string> = new Set(['cancelled', 'rejected', 'packed', 'released', 'expired', 'confirmed'])
