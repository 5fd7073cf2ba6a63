import type { TopicPartition } from '../../ingest/io/reader.ts'
import type { Owners } from '../owners.ts'
import type { Draw } from '../simulated_log.ts'
import type { SimulatedKafka } from './kafka.ts'
import type { Process } from './process.ts'

/**
 * A member of the consumer group, with the contract of ingest/io/reader.ts: new partitions begin at `start`, one batch a
 * partition at a time, what throws comes again, kept partitions are asked for at every join, lost ones are told of.
 */
export interface Member {
  readonly process: Process
  /** The group says what is ours from now on. */
  join(partitions: ReadonlySet<number>): void
  /** Kafka has something new. */
  wake(topic: string, partition: number): void
  /** for a violation's report */
  describe(): string
  /** Hands over no more, and waits for what is in hand. */
  drain(): Promise<void>
}

export interface MemberOptions {
  process: Process
  owners: Owners
  kafka: SimulatedKafka
  draw: Draw
  namespace: string
  /** how many of the messages that wait make the next batch */
  batchOf: (topic: string, from: number, waiting: number) => number
}

interface Slot extends TopicPartition {
  state: 'starting' | 'live' | 'stopped' | 'lost'
  next: number
  pumping: boolean
  abort: AbortController
}

export const TOPICS_READ = ['operations', 'decisions', 'couriers'] as const
const RETRY_MS_MIN = 100
const RETRY_MS_MAX = 5_000

export function newMember({ process, owners, kafka, draw, namespace, batchOf }: MemberOptions): Member {
  const slots = new Map<string, Slot>()
  const pumps = new Set<Promise<void>>()
  let joins = 0
  let closing = false
  const full = (slot: TopicPartition) => ({ topic: `${namespace}.${slot.topic}`, partition: slot.partition })

  async function retrying<Result>(slot: Slot, work: () => Promise<Result>): Promise<{ said: Result } | undefined> {
    for (let attempt = 0; !slot.abort.signal.aborted; attempt += 1) {
      try {
        return { said: await work() }
      } catch {
        if (slot.abort.signal.aborted) return undefined
        await pause(Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** Math.min(attempt, 10)), slot.abort.signal)
      }
    }
    return undefined
  }

  function pause(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise(resolve => {
      process.later(ms, resolve)
      signal.addEventListener('abort', () => resolve(), { once: true })
    })
  }

  async function begin(at: TopicPartition): Promise<void> {
    const slot: Slot = { ...at, state: 'starting', next: 0, pumping: false, abort: new AbortController() }
    slots.set(`${at.topic}/${at.partition}`, slot)
    const position = await retrying(slot, () => owners.start(full(slot), slot.abort.signal))
    if (!position || slot.abort.signal.aborted) return
    slot.next = typeof position.said === 'number' ? position.said : 0
    slot.state = 'live'
    pump(slot)
  }

  function pump(slot: Slot): void {
    if (slot.pumping || slot.state !== 'live' || closing) return
    slot.pumping = true
    const pumping = pumpAll(slot).finally(() => pumps.delete(pumping))
    pumps.add(pumping)
  }

  async function pumpAll(slot: Slot): Promise<void> {
    const { topic, partition } = slot
    while (slot.state === 'live' && !closing) {
      const high = kafka.end(topic, partition)
      const waiting = high - slot.next
      if (waiting <= 0) break
      const messages = kafka.read(topic, partition, slot.next, batchOf(topic, slot.next, waiting))
      const batch = { ...full(slot), messages, high, signal: slot.abort.signal }
      const verdict = await retrying(slot, () => owners.handle(batch))
      if (!verdict) break
      slot.next += messages.length
      if (verdict.said === 'stop' && slot.state === 'live') slot.state = 'stopped'
    }
    // In the same step as the look that found nothing more: a wake-up in between would be lost for good.
    slot.pumping = false
  }

  function drop(slot: Slot): void {
    slot.state = 'lost'
    slot.abort.abort()
    slots.delete(`${slot.topic}/${slot.partition}`)
    owners.lost(full(slot))
  }

  /** All topics of a partition go on together, or none does. A newer join asks again by itself. */
  async function goOnIfOurs(partition: number, together: readonly Slot[], join_number: number): Promise<void> {
    const [first] = together
    const ours = first && (await retrying(first, () => owners.kept(partition)))
    if (!ours || joins !== join_number || closing) return
    if (ours.said) {
      for (const slot of together) pump(slot)
      return
    }
    for (const slot of together) drop(slot)
    for (const { topic } of together) void begin({ topic, partition })
  }

  return {
    process,
    join(partitions) {
      joins += 1
      for (const slot of [...slots.values()]) if (!partitions.has(slot.partition)) drop(slot)
      for (const partition of partitions) {
        const kept = TOPICS_READ.flatMap(topic => slots.get(`${topic}/${partition}`) ?? [])
        if (kept.length > 0) void goOnIfOurs(partition, kept, joins)
        else for (const topic of TOPICS_READ) void begin({ topic, partition })
      }
    },
    wake(topic, partition) {
      const slot = slots.get(`${topic}/${partition}`)
      if (slot?.state === 'live' && !slot.pumping) process.later(draw.below(5), () => pump(slot))
    },
    describe: () =>
      [...slots.values()]
        .map(
          ({ topic, partition, state, next, pumping }) =>
            `${topic}/${partition} ${state} ${next}${pumping ? ' pumping' : ''}`,
        )
        .join(', '),
    async drain() {
      closing = true
      for (const slot of slots.values()) slot.abort.abort()
      await Promise.all(pumps)
    },
  }
}
