import type { LogMessage } from '../../ingest/io/log_messages.ts'
import type { OutgoingMessage } from '../../ingest/io/producer.ts'
import { digestZones } from '../checkpoint.ts'
import type { Partition } from '../partition.ts'
import { drawFrom } from '../simulated_log.ts'
import type { Memory } from '../worker/memory.ts'
import { type EngineProcess, newEngineProcess } from './engine_process.ts'
import { type FaultPlan, newFaultPlan } from './faults.ts'
import { newGroup } from './group.ts'
import { newKafka } from './kafka.ts'
import { type Member, newMember, TOPICS_READ } from './member.ts'
import { must } from './must.ts'
import { newObserver, type Observer } from './observer.ts'
import { newPostgres } from './postgres.ts'
import { newProcess } from './process.ts'
import { newRedis, type SimulatedRedis } from './redis.ts'
import { DIGEST_EVERY, newReference, type Reference } from './reference.ts'
import { newScheduler } from './scheduler.ts'

/** Engine processes, the group they form, the servers they talk to, what befalls them, and who watches all of it. */
export interface World {
  partitions: readonly { reference: Reference; observer: Observer }[]
  redis: SimulatedRedis
  faults: FaultPlan
  counts: Map<string, number>
  append(topic: 'operations' | 'couriers', message: OutgoingMessage): void
  after(ms: number, work: () => void): void
  run(enough: () => boolean): Promise<void>
  /** simulated ms of the machines */
  now(): number
  steps(): number
  /** the broker's wall clock, ms */
  clock(): number
  /** Time goes on without the machines noticing: they are slow. */
  pass(ms: number): void
  passed_ms(): number
  /** between two events of the log pass less than this, mostly */
  step_ms_max: number
  /** events that come at once, at the most */
  burst_max: number
  newId(at_ms: number): string
  /** Nothing goes wrong from now on. */
  quiet(): void
  /** events that landed and whose decisions are not published */
  lag(): number
  /** What the newest owner of a partition holds in its memory. */
  holding(partition: number): Partition | undefined
  check(work: () => void): void
  violate(error: unknown): void
  violation(): string | null
  /** The processes as they stand, for a violation's report. */
  describe(): string[]
}

const START_MS = Date.UTC(2026, 0, 2, 18)
const NAMESPACE = 'sim'
const SESSION_MS = 600
const MAINTENANCE_MS = 250
const MISCHIEF_MS = 100
const PROCESSES_MAX = 3
const BATCH_MAX = 400

/** Effects that are none of Kafka's. */
const SERVER_OF: Record<string, 'postgres' | 'redis'> = {
  raise_epoch: 'postgres',
  is_newest_owner: 'postgres',
  read_checkpoint: 'postgres',
  read_parts: 'postgres',
  write_part: 'postgres',
  write_cut: 'postgres',
  write_views: 'redis',
  read_fences: 'redis',
}

const SENDS = ['send_decisions', 'send_movements', 'send_operations', 'send_dead-letters']

export function newWorld(seed: number): World {
  const draw = drawFrom(seed)
  const scheduler = newScheduler()
  // Most seeds are calm: there more happens between two takeovers, and more events come in an hour.
  const faults = newFaultPlan(drawFrom(seed * 17 + 3), draw.chance(1 / 16) ? 1 : 8)
  const counts = new Map<string, number>()
  const count = (name: string, by = 1) => counts.set(name, (counts.get(name) ?? 0) + by)
  const step_ms_max = [200, 1_500, 8_000][draw.below(3)] ?? 1_500
  const shape = {
    partitions: 1 + draw.below(2),
    processes: 1 + draw.below(PROCESSES_MAX),
    latency_ms_max: 2 + draw.below(30),
    send_records_max: 8 + draw.below(60),
    batch_max: [8, 100, BATCH_MAX][draw.below(3)] ?? 100,
    checkpoint_every_ms: (step_ms_max / 2) * ([150, 400, 1_000][draw.below(3)] ?? 400),
    burst_max: [100, 300, 1_000][draw.below(3)] ?? 100,
  }
  let passed_ms = 0
  let ids = 0
  let started = 0
  let violation: string | null = null
  const clock = () => START_MS + scheduler.now() + passed_ms

  function violate(error: unknown): void {
    violation ??= `step ${scheduler.steps()}: ${error instanceof Error ? error.message : String(error)}`
  }
  /** Wherever it is noticed: a simulated server must not pass it on to its caller as its own failure. */
  function check(work: () => void): void {
    try {
      work()
    } catch (error) {
      violate(error)
    }
  }

  function newId(at_ms: number): string {
    ids += 1
    const time = Math.max(0, at_ms).toString(16).padStart(12, '0')
    return `${time.slice(0, 8)}-${time.slice(8)}-7000-9000-${ids.toString(16).padStart(12, '0')}`
  }

  const partitions = Array.from({ length: shape.partitions }, (_, partition) => {
    const reference = newReference(partition, shape.partitions)
    return { reference, observer: newObserver(reference) }
  })
  const redis = newRedis()
  const postgres = newPostgres(() => faults.happens('older_checkpoint_restored', 3))
  const group = newGroup({ draw, scheduler, partitions: shape.partitions })
  const engines = new Map<Member, EngineProcess>()
  const old_code = new Set<unknown>()

  const kafka = newKafka({
    draw,
    clock,
    // Once nothing goes wrong any more, what has piled up goes out in whole batches, as it is folded.
    sendRecordsMax: () => (faults.ceased() ? BATCH_MAX : shape.send_records_max),
    appended: (topic, partition, message) => check(() => appended(topic, partition, message)),
    /** Who was put out long ago and has another version of the code writes what that one decides. */
    landing(topic, message, process) {
      if (topic !== 'decisions' || !old_code.has(process) || message.key === 'owner') return message
      const text = String(message.value)
      const epoch = Number(/"epoch":(\d+)/.exec(text)?.[1])
      if (epoch >= (partitions[message.partition]?.observer.epoch() ?? 0)) return message
      faults.note('old_code_published')
      const decisions = '"decisions":[{"type":"hold.expired","hold_id":"old_code"}]}'
      return { ...message, value: Buffer.from(text.replace(/"decisions":\[.*$/, decisions)) }
    },
  })

  function appended(topic: string, partition: number, message: LogMessage): void {
    const watched = partitions[topic === 'dead-letters' ? Number(message.headers.origin_partition) : partition]
    if (!watched) return
    if (topic === 'operations' || topic === 'couriers') count('landed')
    if (topic === 'operations') watched.reference.foldOperation(message)
    if (topic === 'couriers') watched.reference.foldCourier(message)
    if (topic === 'decisions') watched.observer.decisions(message)
    if (topic === 'movements') watched.observer.movements(message)
    if (topic === 'dead-letters') watched.observer.dead(message, originOf(message))
    if (TOPICS_READ.some(read => read === topic)) {
      for (const member of group.members) member.wake(topic, partition)
    }
  }

  function originOf({ headers: { origin_topic = '', origin_partition, origin_offset } }: LogMessage): LogMessage {
    const [origin] = kafka.read(origin_topic.split('.')[1] ?? '', Number(origin_partition), Number(origin_offset), 1)
    if (!origin)
      throw new Error(`I5: a dead letter of ${origin_topic}/${origin_partition}/${origin_offset}, which is not there`)
    return origin
  }

  /** Some batches end where the reference has noted its digest. */
  function batchOf(topic: string, from: number, waiting: number): number {
    // Once nothing goes wrong any more, what has piled up goes in whole batches.
    const size = Math.min(waiting, 1 + draw.below(faults.ceased() ? BATCH_MAX : shape.batch_max))
    const mark = DIGEST_EVERY - (from % DIGEST_EVERY)
    return topic === 'operations' && size > mark && draw.chance(0.7) ? mark : size
  }

  function folded(memory: Memory, partition: number): void {
    const held = memory.held.get(partition)
    if (!held) return
    const before = folded_to.get(held) ?? held.operations.next_offset
    count('folded', held.operations.next_offset - before)
    folded_to.set(held, held.operations.next_offset)
    const expected = partitions[partition]?.reference.digests.get(held.operations.next_offset - 1)
    if (expected === undefined || before === held.operations.next_offset) return
    count('digests compared')
    check(() =>
      must(
        digestZones(held.zones.values()) === expected,
        () => `I5: the state after operations/${partition}/${held.operations.next_offset - 1} is another one`,
      ),
    )
  }
  const folded_to = new WeakMap<Partition, number>()

  // ── Processes that come and go ────────────────────────────────────────────────────────────────────────────────────

  function spawn(): void {
    started += 1
    const name = `engine-${started}`
    const skew_ms = draw.chance(0.3) ? draw.below(480_000) - 240_000 : 0
    let retired = false
    const process = newProcess({
      name,
      draw,
      scheduler,
      faults,
      latency_ms_max: shape.latency_ms_max,
      stall_ms: () => draw.below(3_000),
      away: effect =>
        [effect, SERVER_OF[effect] ?? 'kafka'].some(name => (away_until.get(name) ?? 0) > scheduler.now()),
      killed() {
        scheduler.after(SESSION_MS, () => group.remove(member))
        engines.delete(member)
        if (!retired) scheduler.after(50 + draw.below(1_000), spawn)
      },
      froze: () => scheduler.after(SESSION_MS, () => (process.frozen() ? group.remove(member) : undefined)),
      woke() {
        if (draw.chance(0.5)) old_code.add(process)
        // It hears that it was put out only when it next speaks to the group.
        process.later(draw.below(SESSION_MS), () => {
          old_code.delete(process)
          if (!group.has(member) && !retired) group.add(member)
        })
      },
    })
    const settings = {
      namespace: NAMESPACE,
      partitions: shape.partitions,
      owner: name,
      checkpoint_every_ms: shape.checkpoint_every_ms,
    }
    const ownClock = () => clock() + skew_ms
    const engine = newEngineProcess({
      process,
      settings,
      kafka,
      postgres,
      redis,
      faults,
      draw,
      clock: ownClock,
      newId,
      folded,
      violate,
    })
    const member: Member = newMember({ process, owners: engine.owners, kafka, draw, namespace: NAMESPACE, batchOf })
    engines.set(member, engine)
    group.add(member)
    const upkeep = () => {
      engine.owners.maintain()
      process.later(MAINTENANCE_MS, upkeep)
    }
    process.later(MAINTENANCE_MS, upkeep)
    leave.set(member, () => {
      retired = true
      void member
        .drain()
        .then(() => engine.owners.close())
        .then(() => {
          faults.note('clean_stop')
          group.remove(member)
          process.kill()
        }, violate)
    })
  }
  const leave = new WeakMap<Member, () => void>()
  const away_until = new Map<string, number>()

  /** A server that can't be reached for a while, in the midst of which somebody dies or the group changes. */
  function takeAway(server: string, one: Member | undefined): void {
    const for_ms = draw.below(3_000)
    away_until.set(server, scheduler.now() + for_ms)
    scheduler.after(draw.below(for_ms + 1), () => {
      if (faults.ceased()) return
      if (draw.chance(0.5)) one?.process.kill()
      else group.rebalance()
    })
  }

  function mischief(): void {
    if (faults.ceased()) return
    const members = [...group.members].filter(({ process }) => process.alive())
    const one = draw.pick(members)
    if (faults.happens('rebalance', 40)) group.rebalance()
    if (members.length < PROCESSES_MAX && faults.happens('join', 40)) spawn()
    if (one && members.length > 1 && faults.happens('leave', 60)) leave.get(one)?.()
    if (one && faults.happens('killed', 100)) one.process.kill()
    if (one && faults.happens('stopped_for_a_while', 100)) one.process.freeze(draw.below(4_000))
    if (faults.happens('kafka_away', 40)) takeAway('kafka', one)
    // The leader of one topic's partitions is away, and those of the others are not.
    if (faults.happens('leader_away', 30)) takeAway(draw.pick(SENDS) ?? '', one)
    if (faults.happens('postgres_away', 60)) takeAway('postgres', one)
    if (faults.happens('redis_away', 60)) takeAway('redis', one)
    if (one && faults.happens('worker_died', 200)) engines.get(one)?.killWorker()
    if (faults.happens('redis_emptied', 60)) redis.empty()
    if (faults.happens('redis_view_lost', 40)) redis.loseOne(draw.below(100))
    if (draw.chance(0.05)) redis.snapshot()
    if (faults.happens('redis_restored_from_its_past', 60)) redis.restoreSnapshot()
    scheduler.after(MISCHIEF_MS, mischief)
  }

  for (let started_now = 0; started_now < shape.processes; started_now += 1) spawn()
  mischief()

  return {
    partitions,
    redis,
    faults,
    counts,
    append: (topic, message) => void kafka.append(topic, message),
    after: scheduler.after,
    step_ms_max,
    burst_max: shape.burst_max,
    run: enough => scheduler.run(() => violation !== null || enough()),
    now: scheduler.now,
    steps: scheduler.steps,
    clock,
    pass(ms) {
      passed_ms += ms
    },
    passed_ms: () => passed_ms + scheduler.now(),
    newId,
    quiet() {
      faults.cease()
      away_until.clear()
    },
    lag: () =>
      partitions.reduce(
        (sum, { reference, observer }) => sum + reference.operations.length - observer.reached() - 1,
        0,
      ),
    holding(partition) {
      const holders = [...engines.values()].flatMap(engine => engine.memory().held.get(partition) ?? [])
      return holders.toSorted((a, b) => b.epoch - a.epoch)[0]
    },
    check,
    violate,
    violation: () => violation,
    describe: () =>
      [...engines.keys()].map(member => {
        const { process } = member
        const state = !process.alive() ? 'dead' : process.frozen() ? 'frozen' : 'alive'
        return `${process.name} ${state}${group.has(member) ? '' : ', not in the group'}: ${member.describe()}`
      }),
  }
}
