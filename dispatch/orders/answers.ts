import type { DecisionRecord } from '../../ingest/events/decisions.ts'
import { isOrderDecision, type OrderDecision } from './project.ts'
import type { DecisionMessage } from './projection.ts'

/**
 * Callers who wait for the engine's decision on their order. Fed with all of `decisions` by a reader of this process alone;
 * no server is asked, so an answer costs one Map lookup.
 */

export interface Answer {
  decision: OrderDecision
  record: DecisionRecord
  partition: number
  offset: number
}

export interface Expectation {
  /** undefined: none came in time, or too many wait already */
  answer: Promise<Answer | undefined>
  /** Nobody waits any more. Call it always. */
  end(): void
}

export interface Answers {
  /** Call it before the question goes out, or the answer may be missed. */
  expect(tenant_id: string, order_id: string, types: readonly OrderDecision['type'][], within_ms: number): Expectation
  hear(partition: number, messages: readonly DecisionMessage[]): void
  /** A reader that begins at the end must know what stands before it: the highest epoch and source offset. */
  startAt(partition: number, at: Standing): void
  waiting(): number
}

interface Standing {
  epoch: number
  source_offset: number
}

interface Waiter {
  types: readonly string[]
  resolve(answer: Answer | undefined): void
}

const NOTHING: Standing = { epoch: 0, source_offset: -1 }

/** Some 1 kB each. */
const WAITING_MAX = 10_000

export function openAnswers(): Answers {
  const waiters = new Map<string, Set<Waiter>>()
  const standing = new Map<number, Standing>()
  let waiting = 0

  function tell(partition: number, offset: number, record: DecisionRecord): void {
    for (const decision of record.decisions) {
      if (!isOrderDecision(decision)) continue
      const set = waiters.get(`${record.tenant_id}/${decision.order_id}`)
      for (const waiter of set ?? []) {
        if (waiter.types.includes(decision.type)) waiter.resolve({ decision, record, partition, offset })
      }
    }
  }

  return {
    expect(tenant_id, order_id, types, within_ms) {
      if (waiting >= WAITING_MAX) return { answer: Promise.resolve(undefined), end: () => undefined }
      const key = `${tenant_id}/${order_id}`
      const { promise, resolve } = Promise.withResolvers<Answer | undefined>()
      const waiter = { types, resolve }
      const set = waiters.get(key) ?? new Set()
      waiters.set(key, set.add(waiter))
      waiting += 1
      const timer = setTimeout(() => resolve(undefined), within_ms)
      return {
        answer: promise,
        end() {
          clearTimeout(timer)
          resolve(undefined)
          if (!set.delete(waiter)) return
          waiting -= 1
          if (set.size === 0 && waiters.get(key) === set) waiters.delete(key)
        },
      }
    },
    hear(partition, messages) {
      for (const { offset, record } of messages) {
        const before = standing.get(partition) ?? NOTHING
        if (record.epoch < before.epoch) continue
        const source_offset = record.kind === 'decided' ? Number(record.source_offset) : before.source_offset
        const repeated = source_offset <= before.source_offset
        standing.set(partition, { epoch: record.epoch, source_offset: Math.max(source_offset, before.source_offset) })
        if (record.kind === 'decided' && !repeated) tell(partition, offset, record)
      }
    },
    startAt(partition, at) {
      const before = standing.get(partition) ?? NOTHING
      standing.set(partition, {
        epoch: Math.max(at.epoch, before.epoch),
        source_offset: Math.max(at.source_offset, before.source_offset),
      })
    },
    waiting: () => waiting,
  }
}
