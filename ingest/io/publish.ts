import { Counter, Gauge, type Registry } from 'prom-client'
import { type Accepted, accept, acceptOwn, type Context, type Directory, type Rejected } from '../accept.ts'
import { type Caller, type EventAnswer, type EventDraft, topicName } from '../contract.ts'
import { recentIds } from '../recent.ts'
import { HttpProblem } from './problem.ts'
import { Overloaded, type Producer } from './producer.ts'

/** The one way onto the topics `operations`, `couriers` and `deliveries`: accept, then send, then answer. */

export interface PublisherOptions {
  producer: Producer
  /** the network as it is now */
  directory: () => Directory
  /** business time, ms */
  now: () => number
  namespace: string
  partitions: number
  metrics?: Registry
  /** the producer's own limit: what would not fit is refused before any of it is sent */
  buffer_bytes_max: number
}

export interface Asked {
  caller: Caller
  correlation_id: string
  /** our own code speaks: see `Context.internal` */
  internal?: boolean
}

export interface Publisher {
  accept(draft: unknown, asked: Asked): Accepted | Rejected
  /** For our own code, to write into an outbox. @throws Error when the draft is wrong */
  acceptOwn(draft: EventDraft, asked: Omit<Asked, 'internal'>): Accepted
  /** Resolves after Kafka's acknowledgement. @throws HttpProblem 503 when there is none, 429 when the buffer is full */
  send(accepted: Accepted): Promise<EventAnswer>
  /**
   * All drafts, in order; the answers in the same order, each after Kafka's acknowledgement.
   * @throws HttpProblem 429 or 413 before anything is sent when the buffer has no room; 503 when Kafka did not acknowledge
   *   all of them within 8 s
   */
  publish(drafts: readonly unknown[], asked: Asked): Promise<EventAnswer[]>
  /** False: slow down, Kafka is not taking events as fast as they come. `bytes`: of the events that would come. */
  hasRoom(bytes: number): boolean
}

/** What the producer counts for a record beside its value; generous. */
const RECORD_OVERHEAD_BYTES = 500
const RECENT_IDS_MAX = 200_000
const RETRY_AFTER_S = 1
const ACK_TIMEOUT_MS = 8_000

export function openPublisher(options: PublisherOptions): Publisher {
  const { producer, directory, now, namespace, partitions } = options
  const recent = recentIds(RECENT_IDS_MAX)
  const count = options.metrics ? counters(options.metrics, producer) : () => {}
  const hasRoom = (bytes: number) => producer.buffered_bytes() + bytes <= options.buffer_bytes_max
  const contextOf = (asked: Asked): Context => ({ ...asked, wall_ms: Date.now(), time_ms: now(), partitions })

  function acceptOne(draft: unknown, asked: Asked): Accepted | Rejected {
    const result = accept(draft, directory(), contextOf(asked))
    if (!result.ok) count(result.reason)
    return result
  }

  async function send({ event, topic, partition, key, value }: Accepted): Promise<EventAnswer> {
    const { event_id, zone_id, correlation_id } = event
    const repeated = recent.seen(event_id)
    try {
      const message = { partition, key, value, headers: { correlation_id } }
      const appended = await producer.send(topicName(namespace, topic), message)
      count('accepted')
      const { offset } = appended
      const hint = repeated ? { duplicate_hint: true as const } : {}
      return { status: 'accepted', event_id, zone_id, partition, offset: String(offset), ...hint }
    } catch (error) {
      count('failed')
      throw problemOf(error)
    }
  }

  return {
    accept: acceptOne,
    acceptOwn: (draft, asked) => acceptOwn(draft, directory(), contextOf(asked)),
    send,
    async publish(drafts, asked) {
      const results = drafts.map(draft => acceptOne(draft, asked))
      const bytes = bytesOf(results)
      if (bytes > options.buffer_bytes_max) throw new HttpProblem(413, 'too_large', 'send these events in parts')
      // All or nothing: from here to the last send nothing else can come between.
      if (!hasRoom(bytes)) throw overloaded()
      return inTime(Promise.all(results.map(result => (result.ok ? send(result) : answerOf(result)))))
    },
    hasRoom,
  }
}

function bytesOf(results: readonly (Accepted | Rejected)[]): number {
  return results.reduce((sum, result) => sum + (result.ok ? result.value.length + RECORD_OVERHEAD_BYTES : 0), 0)
}

export function answerOf({ reason, pointer, detail, event_id }: Rejected): EventAnswer {
  return { status: 'rejected', ...(event_id !== undefined && { event_id }), reason, pointer, detail }
}

/** kafkajs tries for some 17 s before it gives up; whoever waits for one answer does not wait that long. */
async function inTime<Result>(work: Promise<Result>): Promise<Result> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => late.reject(problemOf(new Error(`no answer within ${ACK_TIMEOUT_MS} ms`))),
    ACK_TIMEOUT_MS,
  )
  try {
    return await Promise.race([work, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

function problemOf(error: unknown): HttpProblem {
  if (error instanceof Overloaded) return overloaded()
  const why = error instanceof Error ? error.message : String(error)
  const detail = `Kafka did not acknowledge (${why}); send the events again with the same event_ids, repeats are dropped`
  return new HttpProblem(503, 'kafka_unreachable', detail, { retry_after_s: RETRY_AFTER_S, cause: error })
}

function overloaded(): HttpProblem {
  const detail = 'events come faster than Kafka takes them: send these again a little later'
  return new HttpProblem(429, 'overloaded', detail, { retry_after_s: RETRY_AFTER_S })
}

function counters(metrics: Registry, producer: Producer): (outcome: string) => void {
  const events = new Counter({
    name: 'waggle_events_total',
    help: 'events that came, by what became of them: accepted, failed (Kafka did not acknowledge), or the reason of the rejection',
    labelNames: ['outcome'],
    registers: [metrics],
  })
  new Gauge({
    name: 'waggle_producer_buffered_bytes',
    help: 'bytes that Kafka has not acknowledged yet',
    registers: [metrics],
    collect() {
      this.set(producer.buffered_bytes())
    },
  })
  return outcome => events.inc({ outcome })
}
