import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { topicName } from '../../ingest/contract.ts'
import { DecisionRecord, OwnerMarker } from '../../ingest/events/decisions.ts'
import { type LogBatch, openReader, type Reader, type ReaderOptions } from '../../ingest/io/reader.ts'
import type { DecisionMessage } from '../orders/projection.ts'

/** Reads `decisions`. Tolerant of unknown fields; what is no decision record at all is told and left out. */

const record_shape = Compile(Type.Union([DecisionRecord, OwnerMarker]))

export interface DecisionsReaderOptions extends Pick<ReaderOptions, 'kafka' | 'group_id' | 'fault' | 'trouble'> {
  namespace: string
  /** where to begin with a partition */
  start: (partition: number) => Promise<'earliest' | 'latest' | number>
  /** `messages` may be empty; `upto`: the offset after the last one read */
  handle: (partition: number, messages: DecisionMessage[], upto: number) => Promise<void>
  unreadable: (partition: number, offset: number) => void
  commit?: boolean
}

const BATCH_RECORDS_MAX = 500
/** After a kill -9 the partitions are somebody's again only then; the broker allows no less. */
const SESSION_TIMEOUT_MS = 6_000

export function readDecisions(options: DecisionsReaderOptions): Promise<Reader> {
  const { kafka, group_id, fault, namespace, start, handle, unreadable, commit = false } = options
  return openReader({
    kafka,
    group_id,
    topics: [topicName(namespace, 'decisions')],
    batch_messages_max: BATCH_RECORDS_MAX,
    commit,
    session_timeout_ms: SESSION_TIMEOUT_MS,
    start: at => start(at.partition),
    fault,
    ...(options.trouble && { trouble: options.trouble }),
    handle: async batch => {
      await handle(batch.partition, decode(batch, unreadable), (batch.messages.at(-1)?.offset ?? -1) + 1)
      return undefined
    },
  })
}

function decode(
  { partition, messages }: LogBatch,
  unreadable: DecisionsReaderOptions['unreadable'],
): DecisionMessage[] {
  return [...messages].flatMap(({ offset, value }) => {
    const record = value && parse(value)
    if (record) return { offset, record }
    unreadable(partition, offset)
    return []
  })
}

function parse(value: Buffer): DecisionMessage['record'] | undefined {
  try {
    const record: unknown = JSON.parse(value.toString())
    return record_shape.Check(record) ? record : undefined
  } catch {
    return undefined
  }
}
