import { TOPICS, type Topic, topicName } from '../../ingest/contract.ts'
import { type kafkaClient, topicEnds } from '../../ingest/io/kafka.ts'
import { openReader, type Reader, type TopicPartition } from '../../ingest/io/reader.ts'
import type { BookedBatch } from '../io/loader_book.ts'
import { openMemory } from './arrow.ts'
import { encodeBatch } from './batch.ts'
import type { Limits } from './cut.ts'
import { type Lane, openLane, type Room } from './lane.ts'
import { type Patience, untilDone } from './patience.ts'
import { rereadRanges } from './reread.ts'
import { type Encoded, type Store, settle, type TopicShelf } from './store.ts'
import { TABLES } from './tables.ts'
import { stretchOf, wholeOf } from './waiting.ts'
import type { Watch } from './watch.ts'

/**
 * All topics of a namespace into ClickHouse, with a consumer group of its own, so that deciding never waits for it.
 *
 * On assignment of a partition: batches that were booked and perhaps not inserted are read from Kafka and inserted again,
 * the same; then reading goes on where the last booked batch ends. What is booked is truth for the loader; what the group
 * has committed serves lag figures only.
 */

export interface LoaderOptions {
  kafka: ReturnType<typeof kafkaClient>
  namespace: string
  store: Omit<Store, 'again'>
  watch: Watch
  limits: Limits
  wait_ms_max: number
}

export interface Loader {
  ready(): boolean
  /** by partition; null while partitions are being taken over */
  lag(): { topic: Topic; lag: number }[] | null
  close(): Promise<void>
}

/** What one partition holds in the reader's queue, beside what waits in its lane; kafkajs fetches as much at a time. */
const PARTITION_BYTES_MAX = 256 * 1024
const FETCH_BYTES_MIN = 256 * 1024
/** What waits in all lanes together, whatever the lag. */
const WAITING_BYTES_MAX = 96 * 1024 * 1024
const CLOSE_MS_MAX = 5_000

const topics = Object.keys(TOPICS) as Topic[]

/** Waits until ClickHouse has its tables and Kafka its topics, then for the group. `signal`: give up waiting. */
export async function openLoader(options: LoaderOptions, signal: AbortSignal): Promise<Loader> {
  const { namespace, watch } = options
  const ending = new AbortController()
  let closing = false
  const patienceFor = (what: string): Patience => ({
    signal: ending.signal,
    trouble: error => watch.trouble(what, error),
  })
  const store: Store = { ...options.store, again: (...asked) => readAgain(options, ...asked) }
  const shelves = await shelvesOf(options, { ...patienceFor('clickhouse'), signal })
  const room: Room = { used_bytes: 0, bytes_max: WAITING_BYTES_MAX }
  const lanes = new Map(
    shelves.map(shelf => [
      topicName(namespace, shelf.topic),
      { shelf, lane: laneOf(options, store, shelf, room, patienceFor) },
    ]),
  )
  const laneAt = ({ topic }: TopicPartition) => {
    const found = lanes.get(topic)
    if (!found) throw new Error(`${topic} is not a topic of the loader`)
    return found
  }
  await untilDone({ ...patienceFor('kafka'), signal }, () =>
    Promise.all([...lanes.keys()].map(topic => topicEnds(options.kafka, topic))),
  )
  async function start(at: TopicPartition): Promise<number> {
    const { shelf, lane } = laneAt(at)
    const undone = await options.store.book.undone(shelf, at.partition)
    if (undone.some(batch => !lane.holds(batch.batch_id))) {
      const patience = patienceFor(`${shelf.topic}: a batch again`)
      const batches = await untilDone(patience, () => settle(store, shelf, patience.signal))
      watch.redone(shelf.topic, batches)
    }
    const position = await options.store.book.position(shelf, at.partition)
    lane.assign(at.partition, position)
    return position.next_offset
  }

  const reader: Reader = await openReader({
    kafka: options.kafka,
    group_id: `${namespace}.loader`,
    topics: [...lanes.keys()],
    start,
    async handle(batch) {
      await laneAt(batch).lane.push(batch)
      watch.trouble(`${batch.topic}/${batch.partition}`, null)
      return undefined
    },
    lost: at => laneAt(at).lane.lose(at.partition),
    fault: options.store.fault,
    trouble({ topic, partition }, error) {
      if (!closing) watch.trouble(`${topic}/${partition}`, error)
    },
    batch_messages_max: options.limits.rows_max,
    batch_bytes_max: PARTITION_BYTES_MAX,
    queue_bytes_max: PARTITION_BYTES_MAX,
    // At 2,500 events a second it fetched each few of them by themselves.
    fetch_bytes_min: FETCH_BYTES_MIN,
    fetch_bytes_max: PARTITION_BYTES_MAX,
    // A lane copies what waits in it.
    frees: true,
    commit: true,
    // Soon after a kill -9 somebody else may have the partitions; 6 s is the least that a broker allows.
    session_timeout_ms: 6_000,
  })

  return {
    ready: () => reader.ready() && reader.troubles().length === 0,
    lag: () =>
      !reader.ready()
        ? null
        : reader.lag().map(({ topic, partition, lag }) => {
            const { shelf, lane } = laneAt({ topic, partition })
            return { topic: shelf.topic, lag: lag + lane.waiting(partition) }
          }),
    async close() {
      closing = true
      const timer = setTimeout(() => ending.abort(), CLOSE_MS_MAX)
      await Promise.all([...lanes.values()].map(({ lane }) => lane.close()))
      ending.abort()
      await reader.close()
      clearTimeout(timer)
    },
  }
}

function shelvesOf({ store, namespace }: LoaderOptions, patience: Patience): Promise<TopicShelf[]> {
  return untilDone(patience, () =>
    Promise.all(
      topics.map(async topic => ({ topic, namespace, table_id: await store.clickhouse.tableId(TABLES[topic].name) })),
    ),
  )
}

function laneOf(
  options: LoaderOptions,
  store: Store,
  shelf: TopicShelf,
  room: Room,
  patienceFor: (what: string) => Patience,
): Lane {
  const { topic } = shelf
  return openLane({
    store,
    shelf,
    limits: options.limits,
    room,
    wait_ms_max: options.wait_ms_max,
    patience: patienceFor(topic),
    loaded: batch => options.watch.loaded(topic, batch),
    missed: (partition, from, to) =>
      store.alarm({ topic, partition, from, to }, 'Kafka deleted these offsets before they were loaded'),
  })
}

/** A booked batch from Kafka once more: the same rows, as long as Kafka has its records. */
async function readAgain(
  { namespace, kafka, store }: LoaderOptions,
  { topic }: TopicShelf,
  { batch_id, ranges, rows }: BookedBatch,
  signal: AbortSignal,
): Promise<Encoded> {
  const group_id = `${namespace}.loader.again.${batch_id}`
  const read = await rereadRanges(kafka, { topic: topicName(namespace, topic), group_id, signal }, ranges)
  const parts = ranges.map((range, index) => ({
    partition: range.partition,
    before: { epoch: range.epoch, source_offset: range.source_offset },
    records: [wholeOf(stretchOf(topic, read[index] ?? []))],
  }))
  const again = encodeBatch(openMemory(topic), parts)
  if (again.rows !== rows)
    store.alarm({ topic, batch_id, rows, rows_again: again.rows }, 'a batch has other rows than before')
  return again
}
