import { setImmediate as turn } from 'node:timers/promises'
import type { Kafka } from 'kafkajs'
import { again } from './again.ts'
import { withAdmin } from './kafka.ts'
import {
  type BatchAppended,
  newRequestMemory,
  type PartitionBatch,
  produceBatches,
  teachBatches,
} from './produce_request.ts'
import { isWatched, tell, timeNow } from './timeline.ts'

/**
 * A producer that gathers.
 *
 *   send ──► lane of the partition (one send in flight) ──► with the other lanes of its broker, what waits in them: one request
 *
 * A request costs the broker and us far more than a message in it, and a broker handles one request of a connection at a time: with one
 * for each of 16 lanes, the decision on an order waited for its turn behind 15 others.
 */

export interface OutgoingMessage {
  partition: number
  key: string
  /** not to be changed until it is acknowledged */
  value: Buffer
  headers?: Record<string, string>
}

/** Where a message came to lie. `appended_at`: the broker's clock, ms. */
export interface Appended {
  topic: string
  partition: number
  offset: number
  appended_at: number
}

export interface Producer {
  /**
   * Resolves when Kafka has acknowledged (acks = all). Messages of one partition keep the order of the calls. After a
   * cut connection the same message may lie in the log twice: readers drop repeats.
   * @throws Overloaded when the bounded buffer is full; kafkajs' error when the broker could not be reached.
   */
  send(topic: string, message: OutgoingMessage): Promise<Appended>
  buffered_bytes(): number
  close(): Promise<void>
}

/** The buffer is full: the caller must slow down (HTTP 429, or reading a stream more slowly). */
export class Overloaded extends Error {
  override name = 'Overloaded'
}

interface Waiting extends OutgoingMessage {
  bytes: number
  resolve: (appended: Appended) => void
  reject: (error: unknown) => void
}

interface Lane {
  topic: string
  partition: number
  waiting: Waiting[]
  /** in a queue or in flight */
  busy: boolean
}

/** What one lane has in a request. */
interface Part {
  lane: Lane
  records: Waiting[]
}

/** Lanes that travel together: those of one broker, or one alone whose broker is not known. */
interface Route {
  ready: Lane[]
  in_flight: number
  called: boolean
}

/**
 * All messages of one send for one partition become one record batch, and the broker refuses a batch above 1 MB (and a reader that waits
 * for it crashes): so sends are cut by bytes, and a request is as large as a batch may be.
 */
const SEND_BYTES_MAX = 900_000
/** Requests of a route in flight: one is written while the broker works on the other. */
const IN_FLIGHT_MAX = 2
const CONNECT_AGAIN_MS = 500
/** Key, headers and framing of a record, beside its value; generous. */
const RECORD_OVERHEAD_BYTES = 200

/**
 * Not idempotent, on purpose: with two sends in flight and a cut connection, kafkajs' idempotent producer acknowledged a message that is
 * not in the log.
 */
export async function openProducer(kafka: Kafka, options: { buffer_bytes_max?: number } = {}): Promise<Producer> {
  const buffer_bytes_max = options.buffer_bytes_max ?? 32 * 1024 * 1024
  teachBatches()
  const producer = kafka.producer({ allowAutoTopicCreation: false, idempotent: false })
  await producer.connect()
  const memory = newRequestMemory()
  const lanes = new Map<string, Lane>()
  const routes = new Map<string, Route>()
  const leaders = openLeaders(kafka)
  const running = new Set<Promise<void>>()
  let buffered_bytes = 0
  let closed = false
  let mending: Promise<void> | null = null

  /** A broker whose first answer was cut off counts as connected and fails everything, until we disconnect from it. */
  function mendAfter(error: unknown): void {
    if (!(error instanceof Error && error.message.includes('Broker not connected'))) return
    mending ??= connectAnew().finally(() => {
      mending = null
    })
  }

  async function connectAnew(): Promise<void> {
    while (!closed) {
      try {
        await producer.disconnect()
        await producer.connect()
        return
      } catch {
        await new Promise(resolve => setTimeout(resolve, CONNECT_AGAIN_MS))
      }
    }
  }

  /** @throws when nobody knows what of it the log holds */
  async function sendTogether(parts: readonly Part[]): Promise<void> {
    const batches = parts.map(({ lane: { topic, partition }, records }) => ({ topic, partition, records }))
    const from = timeNow()
    const appended = await produceBatches(producer, batches, memory)
    if (isWatched()) tellProduced(batches, appended, from)
    parts.forEach(({ lane: { topic, partition }, records }, place) => {
      const { base_offset, appended_at } = appended[place] as (typeof appended)[number]
      records.forEach(({ bytes, resolve }, nth) => {
        buffered_bytes -= bytes
        resolve({ topic, partition, offset: base_offset + nth, appended_at })
      })
    })
  }

  async function sendParts(parts: readonly Part[]): Promise<void> {
    try {
      await sendTogether(parts)
    } catch (error) {
      // The broker refused one partition's: what is wrong there is no concern of the others.
      if (parts.length > 1 && isRefusal(error)) await Promise.all(parts.map(part => sendParts([part])))
      else failAll(parts, error)
    }
  }

  /** What waits behind a failed send fails with it, so that a caller who sends again keeps the order. */
  function failAll(parts: readonly Part[], error: unknown): void {
    mendAfter(error)
    leaders.forget()
    for (const { lane, records } of parts) {
      for (const { bytes, reject } of [...records, ...lane.waiting.splice(0)]) {
        buffered_bytes -= bytes
        reject(error)
      }
    }
  }

  async function carry(route: Route, parts: readonly Part[]): Promise<void> {
    route.in_flight += 1
    await sendParts(parts)
    route.in_flight -= 1
    for (const { lane } of parts) {
      lane.busy = false
      if (lane.waiting.length > 0) queue(lane)
    }
    call(route)
  }

  /** One turn of the event loop lets the callers of this moment, and the other lanes, join the request. */
  function call(route: Route): void {
    if (route.called || route.ready.length === 0 || route.in_flight >= IN_FLIGHT_MAX) return
    route.called = true
    const run = turn()
      .then(async () => {
        route.called = false
        const carried = carry(route, takeParts(route.ready))
        call(route)
        await carried
      })
      .finally(() => running.delete(run))
    running.add(run)
  }

  function queue(lane: Lane): void {
    lane.busy = true
    const name = leaders.of(lane) ?? laneName(lane)
    let route = routes.get(name)
    if (!route) {
      route = { ready: [], in_flight: 0, called: false }
      routes.set(name, route)
    }
    route.ready.push(lane)
    call(route)
  }

  function laneOf(topic: string, partition: number): Lane {
    const name = laneName({ topic, partition })
    let lane = lanes.get(name)
    if (!lane) {
      lane = { topic, partition, waiting: [], busy: false }
      lanes.set(name, lane)
    }
    return lane
  }

  return {
    send(topic, message) {
      const bytes = message.value.length + message.key.length + RECORD_OVERHEAD_BYTES
      if (closed) return Promise.reject(new Error('the producer is closed'))
      if (buffered_bytes + bytes > buffer_bytes_max) {
        return Promise.reject(new Overloaded(`the producer holds ${buffered_bytes} bytes that Kafka has not taken yet`))
      }
      buffered_bytes += bytes
      const lane = laneOf(topic, message.partition)
      return new Promise<Appended>((resolve, reject) => {
        lane.waiting.push({ ...message, bytes, resolve, reject })
        if (!lane.busy) queue(lane)
      })
    },
    buffered_bytes: () => buffered_bytes,
    async close() {
      closed = true
      while (running.size > 0) await Promise.allSettled(running)
      await mending
      await producer.disconnect()
    },
  }
}

function tellProduced(batches: readonly PartitionBatch[], appended: readonly BatchAppended[], from: number): void {
  const to = timeNow()
  batches.forEach(({ topic, partition, records }, place) => {
    const { base_offset: first } = appended[place] as BatchAppended
    tell({ what: 'produced', topic, partition, first, last: first + records.length - 1, from, to })
  })
}

const laneName = ({ topic, partition }: { topic: string; partition: number }): string => `${topic}/${partition}`

/** A broker answered, and did not take it. */
const isRefusal = (error: unknown): boolean => error instanceof Error && error.name === 'KafkaJSProtocolError'

/** From the lanes that wait the longest, what fits into one request; at least one message. */
function takeParts(ready: Lane[]): Part[] {
  const parts: Part[] = []
  let room = SEND_BYTES_MAX
  while (ready[0] && (parts.length === 0 || (ready[0].waiting[0]?.bytes ?? 0) <= room)) {
    const lane = ready.shift() as Lane
    const records = takeRecords(lane.waiting, room)
    for (const { bytes } of records) room -= bytes
    parts.push({ lane, records })
  }
  return parts
}

/** From the front what fits into `room` bytes; at least one message. */
function takeRecords(waiting: Waiting[], room: number): Waiting[] {
  let bytes = 0
  let count = 0
  for (const message of waiting) {
    if (count > 0 && bytes + message.bytes > room) break
    bytes += message.bytes
    count += 1
  }
  return waiting.splice(0, count)
}

// ── Leaders ─────────────────────────────────────────────────────────────────────────────────────────────────────────

interface Leaders {
  /** The broker that leads a partition, by a name; undefined: not known yet, and asked for. */
  of(at: { topic: string; partition: number }): string | undefined
  /** Something failed: they may have moved. */
  forget(): void
}

/**
 * Only for who travels with whom: kafkajs finds the way by itself. A slow broker must not hold up what another one leads, so lanes whose
 * leader is not known travel alone.
 */
function openLeaders(kafka: Kafka): Leaders {
  const topics = new Set<string>()
  const known = new Map<string, string>()
  const asking = again(() =>
    withAdmin(kafka, async admin => {
      const { topics: found } = await admin.fetchTopicMetadata({ topics: [...topics] })
      for (const { name, partitions } of found) {
        for (const { partitionId, leader } of partitions) {
          known.set(laneName({ topic: name, partition: partitionId }), `broker ${leader}`)
        }
      }
    }),
  )
  // Without an answer every lane goes on alone.
  const ask = () => void asking.run().catch(() => undefined)
  return {
    of(at) {
      const leader = known.get(laneName(at))
      if (leader === undefined && !topics.has(at.topic)) {
        topics.add(at.topic)
        ask()
      }
      return leader
    },
    forget() {
      known.clear()
      topics.clear()
    },
  }
}
