import { hostname } from 'node:os'
import type { Log } from '../ingest/io/log.ts'
import type { Reader } from '../ingest/io/reader.ts'
import type { Desk } from './desk.ts'
import { bookPosition } from './io/book.ts'
import { type DecisionsReaderOptions, readDecisions } from './io/decisions.ts'
import type { Metrics } from './metrics.ts'
import type { Answers } from './orders/answers.ts'
import { applyDecisions } from './orders/projection.ts'

/** The two readers of `decisions`: the book's, shared by all processes, and the answers', which every process has. */

export interface ReadingOptions extends Pick<DecisionsReaderOptions, 'kafka' | 'namespace' | 'fault'> {
  desk: Desk
  answers: Answers
  metrics: Metrics
  log: Log
}

/** Goes on where the book ends. A partition waits and tries again while Postgres is away. */
export async function readIntoBook(options: ReadingOptions): Promise<Reader> {
  const { desk, metrics, log } = options
  const reader = await readDecisions({
    ...shared(options),
    group_id: `${options.namespace}.dispatch.book`,
    commit: true,
    start: async partition => (await bookPosition(desk.pool, partition))?.next_offset ?? 'earliest',
    async handle(partition, messages) {
      const applied = await applyDecisions(desk, partition, messages)
      metrics.decisions.inc({ outcome: 'applied' }, applied.records)
      metrics.decisions.inc({ outcome: 'repeated' }, applied.repeated)
      metrics.decisions.inc({ outcome: 'void' }, applied.void)
      for (const { type, why, order_id } of applied.refused) {
        metrics.decisions_refused.inc({ type, why })
        log.warn({ type, why, order_id, partition }, 'the book can not follow a decision; it is left out')
      }
    },
    unreadable(partition, offset) {
      metrics.decisions.inc({ outcome: 'unreadable' })
      log.error({ partition, offset }, 'a record of decisions can not be read; it is left out of the book')
    },
  })
  metrics.watchLag(() => reader.lag().reduce((sum, one) => sum + one.lag, 0))
  return reader
}

/** From the end, with a group of this process alone: nothing that was decided before it started is waited for. */
export function readAnswers(options: ReadingOptions): Promise<Reader> {
  const { desk, answers } = options
  return readDecisions({
    ...shared(options),
    group_id: `${options.namespace}.dispatch.answers.${hostname()}.${process.pid}.${Date.now().toString(36)}`,
    async start(partition) {
      const position = await bookPosition(desk.pool, partition)
      if (position) answers.startAt(partition, position)
      return 'latest'
    },
    handle: async (partition, messages) => answers.hear(partition, messages),
    unreadable: () => undefined,
  })
}

const shared = ({ kafka, namespace, fault, log }: ReadingOptions) => ({
  kafka,
  namespace,
  fault,
  trouble({ topic, partition }: { topic: string; partition: number }, error: Error, attempt: number) {
    if (attempt === 1) log.warn({ err: error, topic, partition }, 'decisions can not be applied; trying again')
  },
})
