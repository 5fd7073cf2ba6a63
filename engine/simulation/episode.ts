import { digestZones } from '../checkpoint.ts'
import { allViews } from '../partition.ts'
import { type Draw, drawFrom, SimulatedZone, zoneIn } from '../simulated_log.ts'
import { newCouriers } from './couriers.ts'
import { newWorld, type World } from './world.ts'

/** One seed: a log that grows, engines that suffer, then quiet, and in the end everything must be equal. */
export interface EpisodeOptions {
  seed: number
  /** events of the outside world; the engines' own ticks come on top */
  events: number
  /** of simulated business time, after which no more events come; null: no limit */
  hours: number | null
}

export interface Episode {
  seed: number
  /** events that landed in the log */
  events: number
  /** events folded by owners, and again by their successors, beside the reference */
  folded: number
  /** simulated seconds of business time that passed */
  simulated_s: number
  steps: number
  /** from the last fault until everything was equal, simulated ms */
  healed_ms: number
  faults: Map<string, number>
  counts: Map<string, number>
  /** null: none */
  violation: string | null
  /** as they stood at the violation */
  processes: string[]
}

const LOOK_EVERY_MS = 100
/**
 * Business time passes up to 2,000 times as fast as the engines work here. Two zones that offered to each other for an hour of it, a few
 * records a send, took 110 s to tell it all; whoever is stuck is so for ever.
 */
const HEAL_WITHIN_MS = 300_000
/** Whoever stands still wakes up within this, and must change nothing. */
const AFTERMATH_MS = 6_000

export async function runEpisode({ seed, events, hours }: EpisodeOptions): Promise<Episode> {
  const world = newWorld(seed)
  const traffic = openTraffic(world, drawFrom(seed * 31 + 7), events, hours)
  let healed_ms = -1
  let quiet_at = -1
  let looked_at = 0
  await world.run(() => {
    if (!traffic.over() || world.now() - looked_at < LOOK_EVERY_MS) return false
    looked_at = world.now()
    if (quiet_at < 0) {
      world.quiet()
      quiet_at = world.now()
    }
    const passed_ms = world.now() - quiet_at
    const why = differs(world)
    if (why === null && healed_ms < 0) healed_ms = passed_ms
    // What the engines themselves say (ticks, offers to neighbours) may still come: equal again after that, too.
    if (why === null && passed_ms - healed_ms > AFTERMATH_MS) return true
    if (why !== null && passed_ms > HEAL_WITHIN_MS)
      world.violate(new Error(`I6: ${HEAL_WITHIN_MS} ms after the last fault: ${why}`))
    return false
  })
  if (!world.violation()) world.check(() => checkEnd(world))
  return {
    seed,
    events: world.counts.get('landed') ?? 0,
    folded: world.counts.get('folded') ?? 0,
    simulated_s: Math.round(world.passed_ms() / 1_000),
    steps: world.steps(),
    healed_ms,
    faults: world.faults.met,
    counts: allCounts(world),
    violation: world.violation(),
    processes: world.violation() ? world.describe() : [],
  }
}

function checkEnd(world: World): void {
  for (const { reference, observer } of world.partitions) {
    reference.audit()
    observer.checkLedger()
    const held = world.holding(reference.partition)
    if (held && digestZones(held.zones.values()) !== digestZones(reference.held.zones.values()))
      throw new Error(`I5: the last owner's state of partition ${reference.partition} is another one`)
  }
}

function allCounts(world: World): Map<string, number> {
  const all = new Map(world.counts)
  for (const { reference, observer } of world.partitions) {
    for (const counts of [reference.counts, observer.counts]) {
      for (const [name, count] of counts) all.set(name, (all.get(name) ?? 0) + count)
    }
  }
  return all
}

/** What is not yet as it should be: published decisions, dead letters, views. null: nothing. */
function differs(world: World): string | null {
  for (const { reference, observer } of world.partitions) {
    const folded_to = world.holding(reference.partition)?.operations.next_offset
    if (folded_to !== reference.operations.length) return `${folded_to} of ${reference.operations.length} are folded`
    const missing = observer.missing()
    if (missing) return missing
    for (const { view, meta, fields } of allViews(reference.held)) {
      const name = view.kind === 'fleet' ? `fleet ${view.partition}` : `warehouse ${view.warehouse_id}`
      const shown = world.redis.read(name)
      if (fields.length > 0 && shown?.fields.size !== fields.length / 2)
        return `${name} shows ${shown?.fields.size} fields`
      for (let at = 0; at < fields.length; at += 2) {
        const found = shown?.fields.get(fields[at] ?? '')
        if (found !== fields[at + 1]) return `${name} ${fields[at]} shows ${found}, not ${fields[at + 1]}`
      }
      if (meta && withoutTime(shown?.meta ?? null) !== withoutTime(meta))
        return `${name} shows ${shown?.meta}, not ${meta}`
    }
  }
  return null
}

const withoutTime = (meta: string | null): string => JSON.stringify({ ...JSON.parse(meta ?? '{}'), as_of: 0 })

// ── The world outside ───────────────────────────────────────────────────────────────────────────────────────────────

const COURIER_EVENTS_ONE_IN = 20
const LAG_MAX = 2_000
const CLOCK_JUMP_ONE_IN = 600
const CLOCK_JUMP_MS_MAX = 40 * 3_600_000

/** Events come in bursts, as engines that lag see them. */
function openTraffic(world: World, draw: Draw, events: number, hours: number | null) {
  const zone_ids = world.partitions.map(({ reference }) => zoneIn(reference.partition, world.partitions.length))
  const sources = world.partitions.map(({ reference: { partition, held } }) => {
    const zone_id = zone_ids[partition] ?? ''
    const neighbours = zone_ids.filter(other => other !== zone_id)
    const options = { start_ms: world.clock(), prefix: `p${partition}`, neighbours }
    const zone = new SimulatedZone(zone_id, draw.below(2 ** 31), options)
    const couriers = newCouriers(draw, { partition, partitions: world.partitions.length, zone_id })
    for (const { value } of zone.opening()) world.append('operations', { partition, key: zone_id, value })
    return { partition, zone_id, zone, couriers, stateOf: () => held.zones.get(zone_id as never) }
  })
  let left = events

  function one(): void {
    const source = draw.pick(sources)
    if (!source) return
    left -= 1
    world.pass(draw.below(world.step_ms_max))
    if (draw.chance(1 / CLOCK_JUMP_ONE_IN)) {
      world.faults.note('clock_jump')
      world.pass(draw.below(CLOCK_JUMP_MS_MAX))
    }
    const { partition, zone_id, zone, couriers, stateOf } = source
    if (draw.chance(1 / COURIER_EVENTS_ONE_IN)) {
      world.append('couriers', { partition, ...couriers.next(world.clock(), world.newId(world.clock())) })
      return
    }
    const { value } = zone.next(stateOf(), world.clock())
    world.append('operations', { partition, key: zone_id, value })
  }

  function burst(): void {
    if (hours !== null && world.passed_ms() > hours * 3_600_000) left = 0
    for (let count = Math.min(left, 1 + draw.below(world.burst_max)); count > 0; count -= 1) one()
    // Now and then they wait for the engines, or these would only ever catch up.
    if (left > 0) world.after(draw.below(world.lag() > LAG_MAX ? 2_000 : 200), burst)
  }
  burst()
  return { over: () => left <= 0 }
}
