import { describe, expect, test } from 'vitest'
import type { Decision, DecisionRecord, DecisionsRecord } from '../ingest/events/decisions.ts'
import { adopt, newAdoption } from './adoption.ts'
import { FOLD_VERSION } from './checkpoint.ts'
import { cutOf, sliceOf } from './cut.ts'
import { applyFrames } from './frames.ts'
import { packMessages, unpackRecords } from './pack.ts'
import { allViews, foldBatch, loadPartition, type Partition } from './partition.ts'
import type { CutAnswer, Folded } from './protocol.ts'
import { digestOf, drawFrom, type SimulatedMessage, SimulatedZone, zoneIn } from './simulated_log.ts'
import { openOf, type ZoneState } from './state.ts'

/**
 * The real fold and the real adoption over a simulated log: the same prefix gives the same digest and the same decisions
 * on any cuts into batches, any crashes and any stalled owners (I5); what is granted is covered (I1); every reserved unit is
 * resolved once (I3); an order ends once (I2).
 */

const PARTITIONS = 8
const PARTITION = 3

const messagesFrom = (log: readonly SimulatedMessage[], from: number, to: number) =>
  log
    .slice(from, to)
    .map(({ appended_at, value }, place) => ({ offset: from + place, appended_at, key: null, value, headers: {} }))

function load(epoch: number, checkpoint: CutAnswer | null): Partition {
  const held = loadPartition({
    kind: 'load',
    partition: PARTITION,
    partitions: PARTITIONS,
    epoch,
    operations: { next_offset: checkpoint?.operations_next ?? 0 },
    couriers: { next_offset: checkpoint?.couriers_next ?? 0 },
  })
  if (checkpoint) applyFrames(held, checkpoint.frames)
  return held
}

/** All rows at once. */
function wholeCut(held: Partition): CutAnswer {
  const frames = [sliceOf(held, true).frames]
  const cut = cutOf(held)
  return { ...cut, frames: Buffer.concat([...frames, cut.frames]) }
}

type Adopted = Parameters<typeof foldBatch>[1]['adopted']

function fold(
  held: Partition,
  log: readonly SimulatedMessage[],
  from: number,
  to: number,
  adopted: Adopted = null,
): Folded {
  const messages = packMessages(messagesFrom(log, from, to))
  return foldBatch(held, { topic: 'operations', messages, adopted })
}

const recordsOf = (folded: Folded): DecisionRecord[] =>
  unpackRecords(folded.records).map(({ value }) => JSON.parse(value.toString()))

interface Reference {
  log: SimulatedMessage[]
  decided: { source_offset: number; decisions: Decision[] }[]
  dead: string[]
  digests: string[]
  outcomes: Folded['counts']
}

/** Makes the log and folds it one event at a time, checking the invariants after every step. */
function reference(seed: number, length: number): Reference {
  const zone_id = zoneIn(PARTITION, PARTITIONS)
  const source = new SimulatedZone(zone_id, seed)
  const held = load(1, null)
  const zone = () => [...held.zones.values()][0]
  const made: Reference = {
    log: source.opening(),
    decided: [],
    dead: [],
    digests: [],
    outcomes: { ok: 0, duplicate: 0, superseded: 0, dead: 0, decisions: {} },
  }
  for (let offset = 0; offset < length; offset += 1) {
    if (offset >= made.log.length) made.log.push(source.next(zone()))
    const folded = fold(held, made.log, offset, offset + 1)
    for (const { source_offset, decisions } of recordsOf(folded))
      made.decided.push({ source_offset: Number(source_offset), decisions })
    for (const { reason } of folded.dead) made.dead.push(`${offset} ${reason}`)
    for (const name of ['ok', 'duplicate', 'superseded', 'dead'] as const) made.outcomes[name] += folded.counts[name]
    for (const [type, count] of Object.entries(folded.counts.decisions))
      made.outcomes.decisions[type] = (made.outcomes.decisions[type] ?? 0) + count
    const state = zone()
    if (state) checkInvariants(state, recordsOf(folded), `seed ${seed} offset ${offset}`)
    if (offset % 50 === 49 || offset === length - 1) made.digests[offset] = digestOf(held)
  }
  return made
}

function checkInvariants(zone: ZoneState, records: DecisionRecord[], where: string): void {
  const reserved = new Map<string, number>()
  const open_lines = new Map<string, number>()
  for (const { fulfilments, state } of [...zone.orders.values(), ...zone.holds.values()]) {
    for (const { warehouse_id, lines } of fulfilments) {
      for (const line of lines) {
        const open = openOf(line)
        must(open >= 0, () => `${where}: ${line.line_id} resolved more than was granted`)
        must(
          open === 0 || !ENDED.has(state),
          () => `${where}: ${line.line_id} is open in an order or hold that is ${state}`,
        )
        const name = `${warehouse_id} ${line.sku}`
        reserved.set(name, (reserved.get(name) ?? 0) + open)
        if (open > 0) open_lines.set(warehouse_id, (open_lines.get(warehouse_id) ?? 0) + 1)
      }
    }
  }
  const granted = new Set(records.flatMap(({ decisions }) => decisions.flatMap(grantedBy)))
  for (const [warehouse_id, warehouse] of zone.warehouses) {
    must(warehouse.open_lines === (open_lines.get(warehouse_id) ?? 0), () => `${where}: open lines of ${warehouse_id}`)
    for (const [sku, { on_hand, reserved: held }] of warehouse.stock) {
      const name = `${warehouse_id} ${sku}`
      must(
        held === (reserved.get(name) ?? 0),
        () => `${where}: reserved of ${name} is ${held}, and ${reserved.get(name)} is open`,
      )
      must(on_hand >= 0, () => `${where}: ${name} has ${on_hand} on hand`)
      must(held <= on_hand || !granted.has(name), () => `${where}: ${name} was granted without cover`)
      must(held <= on_hand || zone.short.length > 0, () => `${where}: ${name} is short and nobody works on it`)
    }
  }
}

const ENDED: ReadonlySet<string> = new Set(['cancelled', 'rejected', 'packed', 'released', 'expired', 'confirmed'])

const grantedBy = (decision: Decision): string[] =>
  'fulfilments' in decision
    ? decision.fulfilments.flatMap(part => part.lines.map(line => `${part.warehouse_id} ${line.sku}`))
    : []

/** `expect` costs 30 µs a call, and there are millions of these. */
function must(holds: boolean, otherwise: () => string): void {
  if (!holds) throw new Error(otherwise())
}

// ── A small world of owners that crash ──────────────────────────────────────────────────────────────────────────────

interface Published {
  record: DecisionsRecord
}

/** What a reader of `decisions` takes: nothing of an epoch below the highest, nothing that repeats a source offset. */
function read(topic: readonly Published[]): { source_offset: number; decisions: Decision[] }[] {
  let epoch = 0
  let last = -1
  const taken: { source_offset: number; decisions: Decision[] }[] = []
  for (const { record } of topic) {
    if (record.epoch < epoch) continue
    epoch = record.epoch
    if (record.kind === 'owner' || Number(record.source_offset) <= last) continue
    last = Number(record.source_offset)
    taken.push({ source_offset: last, decisions: record.decisions })
  }
  return taken
}

/** Folds the log with owners that crash, stall and wake up again; returns what readers see and the last digest. */
function runWithFaults(log: readonly SimulatedMessage[], seed: number) {
  const draw = drawFrom(seed)
  const topic: Published[] = []
  let saved = null as { checkpoint: CutAnswer; decisions_next: number; decisions_epoch: number } | null
  const stalled_owners: { held: Partition; unpublished: Published[] }[] = []
  const faults = { crash: 0, partial: 0, repeated: 0, zombie: 0 }
  const wakeOne = () => {
    const owner = stalled_owners.shift()
    if (!owner) return
    faults.zombie += 1
    const from = owner.held.operations.next_offset
    const more = recordsOf(fold(owner.held, log, from, Math.min(log.length, from + 1 + draw.below(400))))
    topic.push(...owner.unpublished, ...more.map(record => ({ record })))
  }
  for (let epoch = 1; ; epoch += 1) {
    const stalled = topic.length
    topic.push({ record: { kind: 'owner', epoch, fold_version: FOLD_VERSION, owner: 'test' } })
    const held = load(epoch, saved?.checkpoint ?? null)
    const adoption = newAdoption(epoch, stalled, held.operations.next_offset, saved?.decisions_epoch ?? 0)
    for (let offset = saved?.decisions_next ?? 0; ; offset += 1) {
      const value = topic[offset] ? Buffer.from(JSON.stringify(topic[offset]?.record)) : null
      if (adopt(adoption, offset, value)) break
    }
    let crashed = false
    let unpublished: Published[] = []
    while (held.operations.next_offset < log.length && !crashed) {
      const from = held.operations.next_offset
      const to = Math.min(log.length, from + 1 + draw.below(60))
      const adopted = adoption.through >= from ? adoption : null
      const records = recordsOf(fold(held, log, from, to, adopted)).map(record => ({ record }))
      if (draw.chance(0.2)) wakeOne()
      crashed = draw.chance(0.2)
      const acknowledged = crashed ? draw.below(records.length + 1) : records.length
      if (acknowledged < records.length) faults.partial += 1
      topic.push(...records.slice(0, acknowledged))
      unpublished = records.slice(acknowledged)
      if (records.length > 0 && draw.chance(0.1)) {
        // The reply was cut: the producer sends the last one again.
        const again = records[acknowledged - 1]
        if (again) topic.push(again)
        faults.repeated += 1
      }
      if (!crashed && draw.chance(0.3)) {
        const through_adoption = adoption.through < held.operations.next_offset
        saved = {
          checkpoint: wholeCut(held),
          decisions_next: through_adoption ? Math.max(stalled, topic.length) : (saved?.decisions_next ?? 0),
          decisions_epoch: through_adoption ? epoch : (saved?.decisions_epoch ?? 0),
        }
      }
    }
    if (!crashed) return { decided: read(topic), digest: digestOf(held), faults }
    faults.crash += 1
    // It only stalled: some time after the next owner's marker it goes on publishing with its old epoch.
    if (draw.chance(0.5)) stalled_owners.push({ held, unpublished })
  }
}

describe('the fold over a simulated log', { timeout: 120_000 }, () => {
  const SEEDS = [1, 2, 3, 4, 5]
  const LENGTH = 1_000

  for (const seed of SEEDS) {
    test(`seed ${seed}: same prefix, same digest and decisions, whatever happens to its owners`, () => {
      const expected = reference(seed, LENGTH)
      const met = new Set<string>()
      for (let run = 0; run < 12; run += 1) {
        const result = runWithFaults(expected.log, seed * 1_000 + run)
        expect(result.decided, `run ${run}`).toEqual(expected.decided)
        expect(result.digest, `run ${run}`).toBe(expected.digests.at(-1))
        for (const [fault, times] of Object.entries(result.faults)) if (times > 0) met.add(fault)
      }
      expect([...met].sort(), 'every kind of fault came').toEqual(['crash', 'partial', 'repeated', 'zombie'])
    })
  }

  test('any cut into batches gives the same digests on the way', () => {
    const expected = reference(77, LENGTH)
    const draw = drawFrom(5)
    const held = load(1, null)
    const dead: string[] = []
    while (held.operations.next_offset < LENGTH) {
      const from = held.operations.next_offset
      const mark = from - (from % 50) + 50
      const to = Math.min(LENGTH, mark, from + 1 + draw.below(40))
      for (const { offset, reason } of fold(held, expected.log, from, to).dead) dead.push(`${offset} ${reason}`)
      if (to % 50 === 0) expect(digestOf(held)).toBe(expected.digests[to - 1])
    }
    expect(dead).toEqual(expected.dead)
  })

  test('the simulated log reaches what it is meant to reach', () => {
    const outcomes = [11, 12, 13, 14].map(seed => reference(seed, 2_000))
    const decisions = new Set(outcomes.flatMap(({ outcomes: { decisions } }) => Object.keys(decisions)))
    const reasons = new Set(outcomes.flatMap(({ dead }) => dead.map(text => text.split(' ')[1])))
    for (const type of [
      'order.routed',
      'order.rerouted',
      'order.rejected',
      'order.cancelled',
      'order.shortened',
      'order.substituted',
      'order.picking',
      'order.packed',
      'promise.changed',
      'hold.granted',
      'hold.refused',
      'hold.released',
      'hold.expired',
      'stock.corrected',
      'stock.shortfall',
      'count.superseded',
    ]) {
      expect(decisions, `no ${type} in four logs`).toContain(type)
    }
    for (const reason of [
      'not_json',
      'wrong_shape',
      'unknown_type',
      'unsupported_version',
      'unknown_warehouse',
      'conflict',
      'illegal_transition',
    ]) {
      expect(reasons, `no dead letter ${reason} in four logs`).toContain(reason)
    }
    for (const { outcomes: counts } of outcomes) {
      expect(counts.ok + counts.duplicate + counts.superseded + counts.dead).toBe(2_000)
      expect(counts.duplicate).toBeGreaterThan(0)
    }
  })

  test('views written piece by piece equal views written whole', () => {
    const { log } = reference(21, LENGTH)
    const held = load(1, null)
    const pieces = new Map<string, string>()
    while (held.operations.next_offset < LENGTH) {
      const from = held.operations.next_offset
      for (const { view, meta, fields } of fold(held, log, from, from + 7).views) {
        const name = view.kind === 'warehouse' ? view.warehouse_id : 'fleet'
        for (let at = 0; at < fields.length; at += 2) pieces.set(`${name} ${fields[at]}`, fields[at + 1] ?? '')
        pieces.set(`${name} meta`, withoutTime(meta))
      }
    }
    const whole = new Map<string, string>()
    for (const { view, meta, fields } of allViews(held)) {
      if (view.kind === 'fleet') continue
      const name = view.warehouse_id
      for (let at = 0; at < fields.length; at += 2) whole.set(`${name} ${fields[at]}`, fields[at + 1] ?? '')
      whole.set(`${name} meta`, withoutTime(meta))
    }
    expect(Object.fromEntries(pieces)).toEqual(Object.fromEntries(whole))
  })
})

const withoutTime = (meta: string | null): string => JSON.stringify({ ...JSON.parse(meta ?? '{}'), as_of: 0 })
