import { INDEX_STEP } from '../../ingest/io/log_messages.ts'
import type { WorkerAnswer } from './memory.ts'
import type { FoldRequest, WorkerRequest } from './protocol.ts'

/**
 * Small batches of many partitions go to a worker thread in one message, and come back in one.
 *
 *   a fetch brings a few events of each of 16 lanes ──► ask, ask, ask …   within one turn of the event loop
 *                                                          │
 *                                                          ▼  end of the turn, or GATHERED_EVENTS_MAX
 *                                               one message ──► folds, one after the other ──► one answer
 *
 * Each message wakes a thread that sleeps, and its answer wakes this one: where cores are few, whoever is woken takes the place of who was
 * working. So the answers of one message also come to lie in one request to Kafka.
 */

/** What one request came to; errors are values, so that one partition's does not become the others'. */
export type GatheredAnswer = { answer: WorkerAnswer } | { error: Error }

/** More than these are a backlog: then folding one batch beside publishing another is worth more than fewer messages. */
const GATHERED_EVENTS_MAX = 512

export interface Gatherer {
  /** Answers in the order asked. Rejects when the fold throws, or the thread is gone. */
  ask(request: WorkerRequest): Promise<WorkerAnswer>
}

interface Waiting {
  request: WorkerRequest
  resolve: (answer: WorkerAnswer) => void
  reject: (error: unknown) => void
}

/** @param post hands requests over in this order; answers in the same */
export function newGatherer(post: (requests: readonly WorkerRequest[]) => Promise<GatheredAnswer[]>): Gatherer {
  let waiting: Waiting[] = []
  let events = 0

  function flush(): void {
    const asked = waiting
    waiting = []
    events = 0
    if (asked.length === 0) return
    post(asked.map(({ request }) => request)).then(
      answers => {
        asked.forEach((one, place) => {
          tell(one, answers[place])
        })
      },
      error => {
        for (const { reject } of asked) reject(error)
      },
    )
  }

  return {
    ask(request) {
      return new Promise((resolve, reject) => {
        if (waiting.length === 0) setImmediate(flush)
        // What is no fold may take its time: nobody else's answer waits for it.
        if (request.kind !== 'fold') flush()
        waiting.push({ request, resolve, reject })
        events += request.kind === 'fold' ? eventsOf(request) : 0
        if (request.kind !== 'fold' || events >= GATHERED_EVENTS_MAX) flush()
      })
    },
  }
}

function tell({ resolve, reject }: Waiting, told: GatheredAnswer | undefined): void {
  if (!told) reject(new Error('the worker left a request without an answer'))
  else if ('error' in told) reject(told.error)
  else resolve(told.answer)
}

const eventsOf = ({ messages }: FoldRequest): number => messages.index.length / INDEX_STEP
