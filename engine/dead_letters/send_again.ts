import { randomUUIDv7 } from 'node:crypto'
import { topicName } from '../../ingest/contract.ts'
import { type KafkaClient, topicEnds } from '../../ingest/io/kafka.ts'
import type { Pool } from '../../ingest/io/postgres.ts'
import type { Producer } from '../../ingest/io/producer.ts'
import { openRanges } from '../../ingest/io/ranges.ts'
import { askRedrive, publishOnce, type RedriveRow } from '../io/redrives.ts'
import type { Letter } from './letters.ts'
import { isWornOut, planRedrive } from './redrive.ts'

/**
 * Sending letters again, each once however often and by how many it is asked:
 *
 *   row of what will be published (committed; of two only one) ─► lock it ─► published? done
 *                                                                        └─► publish ─► note the offset
 *
 * Whoever finds a row that is not published looks for its bytes in Kafka first: a process may have ended between the two.
 */
export interface Sender {
  kafka: KafkaClient
  producer: Producer
  pool: Pool
  namespace: string
  actor: string
  note: string | null
}

export interface SentAgain {
  letter: Letter
  row: RedriveRow
  offset: number
  /** false: somebody had done it */
  by_us: boolean
}

/** Once more when the row that was found could not be published any more. */
const TRIES = 3

export async function sendAgain(sender: Sender, letter: Letter, edited: Buffer | null): Promise<SentAgain> {
  const { kafka, pool, namespace, actor, note } = sender
  for (let attempt = 1; attempt <= TRIES; attempt += 1) {
    const ends = await topicEnds(kafka, topicName(namespace, letter.topic))
    const plan = planRedrive(letter, edited, { partitions: ends.length, now: Date.now(), newId: randomUUIDv7 })
    const { topic, partition, key, ...what } = plan
    const target = { target_topic: topic, target_partition: partition, target_key: key }
    const ours = await askRedrive(pool, namespace, {
      ...what,
      ...target,
      target_from: ends[partition]?.high ?? 0,
      actor,
      note,
    })
    const done = await publishOnce(pool, namespace, letter.id, row => publishRow(sender, row, ours))
    if (done) return { letter, ...done, by_us: done.row.published_at === null }
  }
  throw new Error(`${letter.id} is being sent again by somebody else: look with "show ${letter.id}"`)
}

async function publishRow({ kafka, producer, namespace }: Sender, row: RedriveRow, ours: boolean) {
  const { target_partition: partition, target_key: key, value, event_id, letter_id } = row
  const topic = topicName(namespace, row.target_topic as Letter['topic'])
  const published = ours ? null : await findBytes(kafka, namespace, topic, row)
  if (published !== null) return published
  if (event_id !== null && isWornOut(event_id, Date.now())) return null
  const { offset } = await producer.send(topic, { partition, key, value, headers: { redrive_of: letter_id } })
  return offset
}

/** Where exactly these bytes lie behind the end that the partition had when they were to be published; null: nowhere. */
async function findBytes(kafka: KafkaClient, namespace: string, topic: string, row: RedriveRow) {
  const { target_partition: partition, target_from: from } = row
  const to = (await topicEnds(kafka, topic))[partition]?.high ?? 0
  await using ranges = await openRanges(kafka, namespace, [{ topic, partition, from: Math.min(from, to), to }])
  for await (const messages of ranges.read(topic, partition)) {
    const found = messages.find(
      ({ value, headers }) => headers.redrive_of === row.letter_id && value !== null && row.value.equals(value),
    )
    if (found) return found.offset
  }
  return null
}
