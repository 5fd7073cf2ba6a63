import type { Consumer, Kafka } from 'kafkajs'
import { togetherAssigner } from './assigner.ts'
import { FetchedBatch, teachReading, textsOf } from './fetched_batch.ts'
import { topicEnds } from './kafka.ts'
import { ListedMessages, type LogMessage, type LogMessages, PiecedMessages, type Stretch } from './log_messages.ts'
import { MessageQueue } from './message_queue.ts'
import { isWatched, tell, timeNow } from './timeline.ts'
import { waitUnlessAborted } from './wait.ts'

/**
 * Reads topics from positions that the caller keeps, in order, one batch a partition at a time.
 *
 *   group join ──► pause all, at once ──► per new partition: start() ──► seek ──► resume
 *        ▲                                per kept partition: seek to where we are ──► resume
 *        └── a later join cancels the work of an earlier one
 *
 *   kafkajs fetches ──► queue of the partition (bounded; above the bound its fetching is paused) ──► handle(batch)
 *
 * Why so: kafkajs has no manual assignment; it does not wait for the join listener, whose synchronous part alone is sure
 * to run before the first batch; kept partitions refetch from the committed offset after every rebalance; one slow
 * eachBatch holds up the others. So eachBatch only enqueues, an offset below the expected one is dropped, and one above
 * it is fetched again.
 */

export interface TopicPartition {
  topic: string
  partition: number
}

export interface LogBatch extends TopicPartition {
  /** never empty, contiguous offsets */
  messages: LogMessages
  /** next offset that will be written, as the broker said at the fetch */
  high: number
  /** aborted when the partition is lost or the reader closes */
  signal: AbortSignal
}

export interface ReaderOptions {
  kafka: Kafka
  group_id: string
  /** full topic names; their partition counts must be equal where `assigner` ties them together */
  topics: readonly string[]
  /** Where to begin with a partition that is new to this process. May take its time: only that partition waits. */
  start: (at: TopicPartition, signal: AbortSignal) => Promise<'earliest' | 'latest' | number>
  /**
   * Called for one batch a partition at a time. When it throws, the same batch comes again after a pause (100 ms doubling
   * to 5 s) until it succeeds or the partition is lost: so it must bear repetition. Resolving with 'stop' ends the reading of
   * this partition until it is assigned anew; with 'again' the partition begins anew, as if it had been lost and won.
   */
  handle: (batch: LogBatch) => Promise<'stop' | 'again' | undefined>
  /**
   * Asked at every join for partitions that stayed with us: are they still ours? kafkajs joins again without a word after
   * it was thrown out, and somebody may have owned the partition meanwhile. false: it is lost and started anew.
   */
  kept?: (partition: number) => Promise<boolean>
  /** The partition is somebody else's from now on. */
  lost?: (at: TopicPartition) => void
  /** The reader can't go on at all; the process should end. */
  fault: (error: Error) => void
  /** Told of every failed try of `handle` or `start`. */
  trouble?: (at: TopicPartition, error: Error, attempt: number) => void
  batch_messages_max?: number
  batch_bytes_max?: number
  /** bytes queued for one partition before its fetching pauses */
  queue_bytes_max?: number
  /** Gives memory back as soon as its messages are handled. For who keeps no Buffer of a message: it would be empty from then on. */
  frees?: boolean
  /** commit positions each 5 s, for lag figures only; the truth is the caller's */
  commit?: boolean
  session_timeout_ms?: number
  /** the broker answers a fetch with fewer bytes only after 100 ms; for who need not have each message at once */
  fetch_bytes_min?: number
  /** of one partition in one answer; kafkajs' own is 1 MB */
  fetch_bytes_max?: number
}

export interface Reader {
  /** partitions assigned and positioned, as `topic/partition` */
  ready(): boolean
  /** messages that Kafka has and `handle` has not finished */
  lag(): { topic: string; partition: number; lag: number }[]
  /** what fails at the moment, by partition */
  troubles(): string[]
  /** Hands over no more and waits for what is in hand; the membership stays, so nobody takes the partitions over yet. */
  drain(): Promise<void>
  close(): Promise<void>
}

interface Slot extends TopicPartition {
  /** first offset that `handle` has not finished */
  next: number
  high: number
  queue: MessageQueue
  state: 'starting' | 'live' | 'stopped' | 'lost'
  fetching: boolean
  pumping: boolean
  refetches: number
  abort: AbortController
  trouble: string | null
}

const FETCH_BYTES_MAX = 1024 * 1024
const REJOIN_EVERY_MS = 500
const REJOIN_WITHIN_MS = 60_000
const REFETCHES_MAX = 20
const RETRY_MS_MIN = 100
const RETRY_MS_MAX = 5_000

/** Joins the group and reads until `close`. Resolves once the group is joined; partitions become live after that. */
export async function openReader(options: ReaderOptions): Promise<Reader> {
  teachReading()
  const batch_messages_max = options.batch_messages_max ?? 5_000
  const batch_bytes_max = options.batch_bytes_max ?? 4 * 1024 * 1024
  const queue_bytes_max = options.queue_bytes_max ?? 8 * 1024 * 1024
  const slots = new Map<string, Slot>()
  const pumps = new Set<Promise<void>>()
  let closing = false
  let joined = false
  let joins = 0
  let crash: Error | null = null
  let crashed_at = 0

  const consumer = options.kafka.consumer({
    groupId: options.group_id,
    // Resuming after all partitions were paused took 4.7 s at the default of 5 s, and 10 ms at 100.
    maxWaitTimeInMs: 100,
    minBytes: options.fetch_bytes_min ?? 1,
    maxBytesPerPartition: options.fetch_bytes_max ?? FETCH_BYTES_MAX,
    sessionTimeout: options.session_timeout_ms ?? 10_000,
    heartbeatInterval: 1_000,
    partitionAssigners: [togetherAssigner(() => owned(slots, options.topics))],
    allowAutoTopicCreation: false,
  })

  const fail = (error: unknown) => {
    if (!closing) options.fault(error instanceof Error ? error : new Error(String(error)))
  }

  function setFetching(slot: Slot, fetching: boolean): void {
    slot.fetching = fetching
    const at = [{ topic: slot.topic, partitions: [slot.partition] }]
    whileJoined(() => (fetching ? consumer.resume(at) : consumer.pause(at)))
  }

  /** kafkajs throws when it is between two groups (it crashed and joins again); the next join sets everything anew. */
  function whileJoined(tell: () => void): void {
    if (!joined) return
    try {
      tell()
    } catch (error) {
      // It crashed or was stopped this very moment, and its event has not come yet.
      if (!(error instanceof Error && error.message.includes('was not initialized'))) throw error
      joined = false
    }
  }

  /** kafkajs goes on behind what waits. */
  function seek({ topic, partition, queue }: Slot): void {
    whileJoined(() => consumer.seek({ topic, partition, offset: String(queue.end) }))
  }

  async function retrying<Result>(slot: Slot, work: () => Promise<Result>): Promise<Result | undefined> {
    for (let attempt = 1; !slot.abort.signal.aborted; attempt += 1) {
      try {
        const result = await work()
        slot.trouble = null
        return result
      } catch (error) {
        if (slot.abort.signal.aborted) return undefined
        const problem = error instanceof Error ? error : new Error(String(error))
        slot.trouble = problem.message
        options.trouble?.({ topic: slot.topic, partition: slot.partition }, problem, attempt)
        await waitUnlessAborted(
          Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** Math.min(attempt - 1, 10)),
          slot.abort.signal,
        )
      }
    }
    return undefined
  }

  async function startSlot(slot: Slot): Promise<void> {
    const position = await retrying(slot, async () => {
      const wanted = await options.start({ topic: slot.topic, partition: slot.partition }, slot.abort.signal)
      const ends = (await topicEnds(options.kafka, slot.topic))[slot.partition]
      if (!ends) throw new Error(`${slot.topic} has no partition ${slot.partition}`)
      return { wanted, ends }
    })
    if (!position || slot.abort.signal.aborted) return
    const { wanted, ends } = position
    // kafkajs answers a seek past the end with a jump to the latest, without a word.
    if (typeof wanted === 'number' && wanted > ends.high) {
      fail(
        new Error(
          `${slot.topic}/${slot.partition} ends at ${ends.high}, but ${wanted} was read before: the log is another one or was cut`,
        ),
      )
      return
    }
    const first = wanted === 'earliest' ? ends.low : wanted === 'latest' ? ends.high : Math.max(wanted, ends.low)
    slot.queue = new MessageQueue(first)
    slot.next = first
    slot.high = ends.high
    slot.state = 'live'
    seek(slot)
    setFetching(slot, true)
  }

  function join(assignment: Record<string, number[]>): void {
    joined = true
    crashed_at = 0
    crash = null
    const assigned = new Map<string, TopicPartition>()
    for (const [topic, partitions] of Object.entries(assignment)) {
      for (const partition of partitions) assigned.set(`${topic}/${partition}`, { topic, partition })
    }
    for (const [topic, partitions] of Object.entries(assignment)) consumer.pause([{ topic, partitions }])
    for (const [name, slot] of slots) {
      if (!assigned.has(name)) drop(name, slot)
    }
    joins += 1
    const kept = new Map<number, Slot[]>()
    for (const [name, at] of assigned) {
      const slot = slots.get(name)
      if (slot) kept.set(at.partition, [...(kept.get(at.partition) ?? []), slot])
      else begin(at)
    }
    for (const [partition, together] of kept) {
      if (options.kept) void goOnIfOurs(partition, together, joins)
      else goOn(together)
    }
  }

  function begin(at: TopicPartition): void {
    const slot = newSlot(at)
    slots.set(`${at.topic}/${at.partition}`, slot)
    void startSlot(slot)
  }

  function goOn(together: readonly Slot[]): void {
    for (const slot of together) {
      if (slot.state !== 'live') continue
      seek(slot)
      setFetching(slot, slot.queue.bytes < queue_bytes_max)
    }
  }

  /** All topics of a partition go on together, or none does. A newer join asks again by itself. */
  async function goOnIfOurs(partition: number, together: readonly Slot[], join_number: number): Promise<void> {
    const [first] = together
    const ours = first && (await retrying(first, async () => ({ yes: await options.kept?.(partition) })))
    if (!ours || joins !== join_number || closing) return
    if (ours.yes) {
      goOn(together)
      return
    }
    beginAnew(together)
  }

  /** All topics of a partition. */
  function beginAnew(together: readonly Slot[]): void {
    for (const slot of together) drop(`${slot.topic}/${slot.partition}`, slot)
    for (const { topic, partition } of together) begin({ topic, partition })
  }

  function drop(name: string, slot: Slot): void {
    slot.state = 'lost'
    slot.abort.abort()
    slots.delete(name)
    options.lost?.({ topic: slot.topic, partition: slot.partition })
  }

  function enqueue(slot: Slot, stretches: readonly Stretch[]): void {
    const { end } = slot.queue
    const found = slot.queue.push(stretches)
    if (slot.queue.end > end) slot.refetches = 0
    if (found !== undefined) refetch(slot, found)
    if (slot.queue.bytes >= queue_bytes_max && slot.fetching) setFetching(slot, false)
    if (slot.pumping) return
    const pumping = pump(slot)
      .catch(fail)
      .finally(() => pumps.delete(pumping))
    pumps.add(pumping)
  }

  /** The next ones are missing: kafkajs was asked for others meanwhile, or Kafka lost them. */
  function refetch(slot: Slot, found: number): void {
    slot.refetches += 1
    if (slot.refetches > REFETCHES_MAX) {
      const { topic, partition, queue } = slot
      fail(new Error(`${topic}/${partition} has a gap: ${queue.end} expected, ${found} found`))
    }
    seek(slot)
  }

  async function pump(slot: Slot): Promise<void> {
    slot.pumping = true
    while (slot.state === 'live' && !slot.queue.isEmpty && !closing) {
      const pieces = slot.queue.first(batch_messages_max, batch_bytes_max)
      const messages = new PiecedMessages(pieces)
      const { topic, partition, high } = slot
      const verdict = await retrying(slot, async () => ({
        said: await options.handle({ topic, partition, messages, high, signal: slot.abort.signal }),
      }))
      if (!verdict) break
      if (verdict.said === 'again') {
        beginAnew([...slots.values()].filter(other => other.partition === partition))
        break
      }
      // Only now do they leave the queue: a rebalance meanwhile seeks to behind the queue's end.
      slot.next += messages.length
      const done = slot.queue.drop(pieces)
      if (options.frees) for (const stretch of done) stretch.free()
      if (verdict.said === 'stop') stop(slot)
      else if (!slot.fetching && slot.state === 'live' && slot.queue.bytes < queue_bytes_max / 2)
        setFetching(slot, true)
    }
    slot.pumping = false
  }

  function stop(slot: Slot): void {
    slot.state = 'stopped'
    slot.queue = new MessageQueue(slot.queue.end)
    setFetching(slot, false)
  }

  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => join(payload.memberAssignment))
  const run = () =>
    consumer.run({
      autoCommit: false,
      partitionsConsumedConcurrently: 1,
      eachBatch: async ({ batch }) => {
        const slot = slots.get(`${batch.topic}/${batch.partition}`)
        if (slot?.state !== 'live') return
        slot.high = Math.max(slot.high, Number(batch.highWatermark))
        const stretches = stretchesOf(batch.messages)
        if (isWatched()) tellFetched(batch, stretches)
        enqueue(slot, stretches)
      },
    })

  /**
   * kafkajs gives up for good on what passes: a broker that has just started has no group coordinator for a while. So we
   * join again until it works, and give up ourselves when it has not for a minute.
   */
  async function rejoin(error: Error): Promise<void> {
    joined = false
    crash = error
    crashed_at ||= Date.now()
    if (closing) return
    if (Date.now() - crashed_at > REJOIN_WITHIN_MS) {
      fail(error)
      return
    }
    await new Promise(resolve => setTimeout(resolve, REJOIN_EVERY_MS))
    if (closing) return
    // A broker whose first answer was cut off counts as connected and fails every request with "Broker not connected", for
    // ever: only a disconnect makes kafkajs begin with it anew.
    await consumer.disconnect().catch(() => undefined)
    await consumer.connect().then(run).catch(rejoin)
  }
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    joined = false
    if (!payload.restart) void rejoin(payload.error)
  })
  await consumer.connect()
  await consumer.subscribe({ topics: [...options.topics], fromBeginning: true })
  await run()
  async function drain(): Promise<void> {
    closing = true
    clearInterval(committing)
    for (const slot of slots.values()) slot.abort.abort()
    await Promise.all(pumps)
  }
  const committing = options.commit ? commitEvery(consumer, slots, 5_000) : undefined

  return {
    ready: () => joined && [...slots.values()].every(slot => slot.state !== 'starting'),
    lag: () =>
      [...slots.values()]
        .filter(slot => slot.state === 'live')
        .map(({ topic, partition, high, next }) => ({ topic, partition, lag: Math.max(0, high - next) })),
    troubles: () => [
      ...(crash ? [`the group is being joined again: ${crash.message}`] : []),
      ...[...slots.values()].flatMap(({ topic, partition, trouble }) =>
        trouble ? [`${topic}/${partition}: ${trouble}`] : [],
      ),
    ],
    drain,
    async close() {
      await drain()
      await consumer.disconnect()
      slots.clear()
    },
  }
}

function tellFetched({ topic, partition }: TopicPartition, stretches: readonly Stretch[]): void {
  const last = stretches.at(-1)
  const [from, to] = [stretches[0]?.offsetOf(0), last?.offsetOf(last.length - 1)]
  tell({ what: 'fetched', topic, partition, first: from ?? 0, last: to ?? 0, at: timeNow() })
}

function newSlot(at: TopicPartition): Slot {
  return {
    ...at,
    next: 0,
    high: 0,
    queue: new MessageQueue(0),
    state: 'starting',
    fetching: false,
    pumping: false,
    refetches: 0,
    abort: new AbortController(),
    trouble: null,
  }
}

interface KafkaMessage {
  offset: string
  timestamp: string
  key: Buffer | null
  value: Buffer | null
  headers?: Record<string, Buffer | string | (Buffer | string)[] | undefined>
}

function toMessage({ offset, timestamp, key, value, headers }: KafkaMessage): LogMessage {
  return { offset: Number(offset), appended_at: Number(timestamp), key, value, headers: textsOf(headers ?? {}) }
}

/** Batches that we read ourselves as they are; the records of others, and those in between, become objects. */
export function stretchesOf(messages: readonly (FetchedBatch | KafkaMessage)[]): Stretch[] {
  const stretches: Stretch[] = []
  let others: LogMessage[] = []
  const list = () => {
    if (others.length > 0) stretches.push(new ListedMessages(others))
    others = []
  }
  for (const message of messages) {
    if (message instanceof FetchedBatch) {
      list()
      stretches.push(message)
    } else others.push(toMessage(message))
  }
  list()
  return stretches
}

function commitEvery(consumer: Consumer, slots: Map<string, Slot>, every_ms: number): NodeJS.Timeout {
  return setInterval(() => {
    const offsets = [...slots.values()]
      .filter(slot => slot.state === 'live')
      .map(({ topic, partition, next }) => ({ topic, partition, offset: String(next) }))
    // Figures only: a commit that fails (a rebalance, a restart of the broker) is made up for by the next one.
    if (offsets.length > 0) consumer.commitOffsets(offsets).catch(() => undefined)
  }, every_ms).unref()
}

function owned(slots: Map<string, Slot>, topics: readonly string[]): number[] {
  const first = topics[0]
  return [...slots.values()].filter(slot => slot.topic === first).map(slot => slot.partition)
}
