import { type Topic, topicName } from '../../ingest/contract.ts'
import type { LogMessage } from '../../ingest/io/log_messages.ts'
import { openRanges } from '../../ingest/io/ranges.ts'
import { openProgress } from '../command.ts'
import type { Connection } from '../connection.ts'

export type Json = Record<string, unknown>

export interface Search {
  topic: Topic
  ends: readonly { low: number; high: number }[]
  /** undefined: all partitions, side by side */
  partition: number | undefined
  /** what the bytes must hold, so that most records need no parsing; undefined: nothing */
  holds: string | undefined
}

/** Hands over the JSON objects of a topic, each partition in its order. @returns how many records were read */
export async function searchTopic(
  { kafka, namespace }: Connection,
  { topic, ends, partition: only, holds }: Search,
  take: (event: Json, partition: number, message: LogMessage) => void,
): Promise<number> {
  const name = topicName(namespace, topic)
  const ranges = ends.flatMap(({ low, high }, partition) =>
    only === undefined || only === partition ? [{ topic: name, partition, from: low, to: high }] : [],
  )
  const total = ranges.reduce((sum, { from, to }) => sum + to - from, 0)
  const progress = openProgress(`searching ${topic}`, total)
  await using reading = await openRanges(kafka, namespace, ranges)
  const searchOne = async (partition: number) => {
    for await (const messages of reading.read(name, partition)) {
      for (const message of messages) {
        const event = holds === undefined || message.value?.includes(holds) ? parse(message.value) : null
        if (event) take(event, partition, message)
      }
      progress.add(messages.length)
    }
  }
  await Promise.all(ranges.map(({ partition }) => searchOne(partition)))
  progress.end()
  return total
}

function parse(value: Buffer | null): Json | null {
  try {
    const event: unknown = JSON.parse(String(value))
    return event !== null && typeof event === 'object' ? (event as Json) : null
  } catch {
    return null
  }
}
