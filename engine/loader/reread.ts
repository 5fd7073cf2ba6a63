import { type kafkaClient, topicEnds } from '../../ingest/io/kafka.ts'
import type { LogMessage } from '../../ingest/io/log_messages.ts'
import { openReader } from '../../ingest/io/reader.ts'
import type { Range } from '../io/loader_book.ts'

/** Reading given ranges of a topic again, whoever its partitions are assigned to: with a group of its own, for once. */

const TIMEOUT_MS = 60_000

/**
 * @param topic full name
 * @returns the messages of each range that Kafka still has, in the order of the ranges
 * @throws Error when the log ends before a range does, when `signal` aborts, or after 60 s
 */
export async function rereadRanges(
  kafka: ReturnType<typeof kafkaClient>,
  { topic, group_id, signal }: { topic: string; group_id: string; signal: AbortSignal },
  ranges: readonly Range[],
): Promise<LogMessage[][]> {
  const ends = await topicEnds(kafka, topic)
  for (const { partition, to } of ranges) {
    if ((ends[partition]?.high ?? 0) < to) throw new Error(`${topic}/${partition} ends before ${to}: it is another log`)
  }
  const found = new Map<number, LogMessage[]>(ranges.map(range => [range.partition, []]))
  const missing = new Map(
    ranges.filter(range => (ends[range.partition]?.low ?? 0) < range.to).map(r => [r.partition, r]),
  )
  const complete = Promise.withResolvers<void>()
  if (missing.size === 0) complete.resolve()
  const timer = setTimeout(() => complete.reject(new Error(`${topic} was not read again in time`)), TIMEOUT_MS)
  const aborted = () => complete.reject(new Error('the loader is closing'))
  signal.addEventListener('abort', aborted)
  const reader = await openReader({
    kafka,
    group_id,
    topics: [topic],
    start: async ({ partition }) => missing.get(partition)?.from ?? 'latest',
    async handle({ partition, messages }) {
      const range = missing.get(partition)
      if (!range) return 'stop'
      found.get(partition)?.push(...[...messages].filter(message => message.offset < range.to))
      if ((messages.at(-1)?.offset ?? 0) < range.to - 1) return undefined
      missing.delete(partition)
      if (missing.size === 0) complete.resolve()
      return 'stop'
    },
    fault: complete.reject,
  })
  try {
    await complete.promise
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', aborted)
    await reader.close()
  }
  return ranges.map(range => found.get(range.partition) ?? [])
}
