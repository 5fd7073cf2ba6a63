import { randomUUID } from 'node:crypto'
import type { Kafka } from 'kafkajs'
import { topicEnds } from './kafka.ts'
import type { LogMessage } from './log_messages.ts'
import { openReader } from './reader.ts'

/**
 * Ranges of the log as they are, for whoever looks back: no position is kept and nobody's partitions are taken away, since
 * the group is made for this and removed afterwards. Bounded: what is not asked for yet stays in Kafka, beside some 8 MB a range.
 */

export interface LogRange {
  /** full name */
  topic: string
  partition: number
  from: number
  /** first offset behind the range */
  to: number
}

export interface LogRanges extends AsyncDisposable {
  /** The messages of one of the ranges, in order and without holes, in batches. To be read once. @throws Error when Kafka stays away */
  read(topic: string, partition: number): AsyncGenerator<LogMessage[], void, void>
}

/** A batch changes hands when both sides are there. */
interface Lane extends LogRange {
  put(messages: LogMessage[]): Promise<void>
  take(): Promise<LogMessage[]>
  fail(error: Error): void
}

/** @throws Error when a range begins before what Kafka still has, or ends behind what it has got */
export async function openRanges(kafka: Kafka, namespace: string, ranges: readonly LogRange[]): Promise<LogRanges> {
  const topics = [...new Set(ranges.map(({ topic }) => topic))]
  for (const topic of topics) await checkRanges(kafka, topic, ranges)
  const lanes = new Map(ranges.map(range => [nameOf(range), newLane(range)]))
  const wanted = [...lanes.values()].filter(({ from, to }) => from < to)
  const group_id = `${namespace}.ranges.${randomUUID()}`
  const fault = (error: Error) => {
    for (const lane of lanes.values()) lane.fail(error)
  }
  const reader =
    wanted.length === 0
      ? null
      : await openReader({
          kafka,
          group_id,
          topics: [...new Set(wanted.map(({ topic }) => topic))],
          start: async at => wanted.find(lane => nameOf(lane) === nameOf(at))?.from ?? 'latest',
          async handle({ messages, ...at }) {
            const lane = lanes.get(nameOf(at))
            if (!lane) return 'stop'
            await lane.put([...messages])
            return (messages.at(-1)?.offset ?? 0) >= lane.to - 1 ? 'stop' : undefined
          },
          fault,
        })
  return {
    async *read(topic, partition) {
      const lane = lanes.get(nameOf({ topic, partition }))
      if (!lane) throw new Error(`${topic}/${partition} is none of the ranges that were opened`)
      for (let next = lane.from; next < lane.to; ) {
        const messages = await lane.take()
        next = (messages.at(-1)?.offset ?? next) + 1
        yield next > lane.to ? messages.filter(({ offset }) => offset < lane.to) : messages
      }
    },
    async [Symbol.asyncDispose]() {
      fault(new Error('the ranges were closed'))
      await reader?.close()
      if (reader) await removeGroup(kafka, group_id)
    },
  }
}

const nameOf = ({ topic, partition }: { topic: string; partition: number }): string => `${topic}/${partition}`

async function checkRanges(kafka: Kafka, topic: string, ranges: readonly LogRange[]): Promise<void> {
  const ends = await topicEnds(kafka, topic)
  for (const range of ranges.filter(one => one.topic === topic)) {
    const { low, high } = ends[range.partition] ?? { low: 0, high: 0 }
    const has = `Kafka has ${nameOf(range)} from ${low} to before ${high}`
    if (range.from < low) throw new Error(`${has}, but offset ${range.from} is wanted: it was deleted`)
    if (range.to > high) throw new Error(`${has}, but all before ${range.to} is wanted: it is another log`)
  }
}

function newLane(range: LogRange): Lane {
  let batch = Promise.withResolvers<LogMessage[]>()
  let taken = Promise.withResolvers<void>()
  let over = false
  return {
    ...range,
    async put(messages) {
      if (over) return
      batch.resolve(messages)
      await taken.promise
    },
    async take() {
      const messages = await batch.promise
      if (over) return messages
      const given = taken
      batch = Promise.withResolvers()
      taken = Promise.withResolvers()
      given.resolve()
      return messages
    },
    fail(error) {
      over = true
      batch.promise.catch(() => {})
      batch.reject(error)
      taken.resolve()
    },
  }
}

/** An empty group expires by itself after a week: failing here harms nobody. */
async function removeGroup(kafka: Kafka, group_id: string): Promise<void> {
  const admin = kafka.admin()
  try {
    await admin.connect()
    await admin.deleteGroups([group_id])
  } catch {
    // see above
  } finally {
    await admin.disconnect().catch(() => {})
  }
}
