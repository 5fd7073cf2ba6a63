import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Happened } from '../../ingest/io/timeline.ts'
import { type Quantiles, quantiles } from './quantiles.ts'

/** What each order waited for on its way to its decision, from what the engine's threads told (timeline_probe.ts). */

/**
 * In this order, one after the other:
 *   fetch      from its append until the main thread has it decoded: the broker, the socket, a main thread that is busy or was not given a core
 *   queue      until its batch is handed over: the batch before it in its partition, or a checkpoint's cut
 *   to_worker  until the worker thread begins with it: its waking up, and what it was asked before
 *   fold       its batch
 *   to_main    until the main thread has the answer: folds that travel with it, and its waking up
 *   to_send    until the produce request goes out: requests in flight, others' records gathered
 *   append     until the broker has appended the decision
 */
export const PHASES = ['fetch', 'queue', 'to_worker', 'fold', 'to_main', 'to_send', 'append'] as const
export type Phase = (typeof PHASES)[number]
export type Waits = Record<Phase, number>

/** An order and its decision: where they lie, and when they were appended, ms. */
export interface DecidedOrder {
  partition: number
  offset: number
  placed_at: number
  decision_offset: number
  decided_at: number
}

export interface Timeline {
  /** ms by phase; undefined: the timeline does not hold all of it */
  waitsOf(order: DecidedOrder): Waits | undefined
  /** ms that requests of this kind took the worker thread, those that began in the span */
  worked(kind: string, span: { from: number; to: number }): number[]
}

export function readTimeline(dir: string, topics: { operations: string; decisions: string }): Timeline {
  const all = readdirSync(dir).flatMap(file => readFileSync(join(dir, file), 'utf8').trimEnd().split('\n'))
  const happened = all.filter(line => line !== '').map(line => JSON.parse(line) as Happened)
  const fetched = finder(
    happened.filter(one => one.what === 'fetched').filter(({ topic }) => topic === topics.operations),
  )
  const folded = finder(
    happened.filter(one => one.what === 'folded').filter(({ topic }) => topic === topics.operations),
  )
  const produced = finder(
    happened.filter(one => one.what === 'produced').filter(({ topic }) => topic === topics.decisions),
  )
  const worked = happened.filter(one => one.what === 'worked').toSorted((a, b) => a.from - b.from)
  const folds = Map.groupBy(
    worked.filter(({ kind }) => kind === 'fold operations'),
    ({ partition }) => partition,
  )
  return {
    waitsOf({ partition, offset, placed_at, decision_offset, decided_at }) {
      const [got, asked, sent] = [
        fetched(partition, offset),
        folded(partition, offset),
        produced(partition, decision_offset),
      ]
      // One batch of a partition is under way at a time.
      const fold = folds.get(partition)?.find(({ from, to }) => asked && from >= asked.from && to <= asked.to)
      if (!got || !asked || !sent || !fold) return undefined
      const times = [placed_at, got.at, asked.from, fold.from, fold.to, asked.to, sent.from, decided_at]
      const waits = PHASES.map((phase, place) => [phase, (times[place + 1] ?? 0) - (times[place] ?? 0)])
      return Object.fromEntries(waits) as Waits
    },
    worked: (kind, { from, to }) =>
      worked.filter(one => one.kind === kind && one.from >= from && one.from < to).map(one => one.to - one.from),
  }
}

/** Which of them has this offset of a partition. */
function finder<Ranged extends { partition: number; first: number; last: number }>(all: readonly Ranged[]) {
  const sorted = all.toSorted((a, b) => a.first - b.first)
  const by_partition = Map.groupBy(sorted, ({ partition }) => partition)
  return (partition: number, offset: number): Ranged | undefined => {
    const list = by_partition.get(partition) ?? []
    let [low, high] = [0, list.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((list[middle]?.first ?? 0) <= offset) low = middle + 1
      else high = middle
    }
    const found = list[low - 1]
    return found && found.last >= offset ? found : undefined
  }
}

/** Each phase over all orders, and its mean among the slowest hundredth: ms. */
export function waitsTable(waits: readonly Waits[]): Record<Phase, Quantiles & { slow_mean_ms: number }> {
  const total = (one: Waits) => PHASES.reduce((sum, phase) => sum + one[phase], 0)
  const slow = waits.toSorted((a, b) => total(a) - total(b)).slice(Math.floor(waits.length * 0.99))
  const rows = PHASES.map(phase => {
    const slow_mean_ms = slow.reduce((sum, one) => sum + one[phase], 0) / slow.length
    return [phase, { ...quantiles(waits.map(one => one[phase])), slow_mean_ms: Number(slow_mean_ms.toFixed(1)) }]
  })
  return Object.fromEntries(rows)
}
