import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import { TOPICS, type Topic } from '../../ingest/contract.ts'
import type { Log } from '../../ingest/io/log.ts'

/** What the loader tells of itself: figures, and what keeps it from working. */

export interface Watch {
  loaded(topic: Topic, batch: { rows: number; records: number; duration_ms: number }): void
  redone(topic: Topic, batches: number): void
  /** `what` failed, or (null) works again. */
  trouble(what: string, error: Error | null): void
  /** What fails at the moment, in words. */
  troubles(): string[]
}

export interface Lag {
  topic: Topic
  lag: number
}

/** `lags`: one entry a partition; null while that is not known. */
export function openWatch(registry: Registry, log: Log, lags: () => Lag[] | null): Watch {
  const registers = [registry]
  const by_topic = { labelNames: ['topic'] as const, registers }
  const rows = new Counter({ name: 'waggle_loader_rows_total', help: 'rows that ClickHouse acknowledged', ...by_topic })
  const records = new Counter({ name: 'waggle_loader_records_total', help: 'records of Kafka in them', ...by_topic })
  const duration = new Histogram({
    name: 'waggle_loader_batch_seconds',
    help: 'from cutting a batch to its being done',
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60],
    ...by_topic,
  })
  const redone = new Counter({
    name: 'waggle_loader_batches_redone_total',
    help: 'batches that were booked but not done, read and inserted again',
    ...by_topic,
  })
  const failures = new Counter({
    name: 'waggle_loader_failures_total',
    help: 'tries that failed and were repeated',
    registers,
  })
  const last_error = new Gauge({
    name: 'waggle_loader_last_error_timestamp_seconds',
    help: 'when a try failed last; its text is in /readyz while it lasts, and in the log',
    registers,
  })
  addLag(registers, lags)
  for (const topic of Object.keys(TOPICS)) {
    for (const counter of [rows, records, redone]) counter.inc({ topic }, 0)
  }
  const failing = new Map<string, { text: string; tries: number }>()
  return {
    loaded(topic, batch) {
      rows.inc({ topic }, batch.rows)
      records.inc({ topic }, batch.records)
      duration.observe({ topic }, batch.duration_ms / 1_000)
    },
    redone: (topic, batches) => redone.inc({ topic }, batches),
    trouble(what, error) {
      const before = failing.get(what)
      if (error) {
        failures.inc()
        last_error.setToCurrentTime()
        failing.set(what, { text: error.message, tries: (before?.tries ?? 0) + 1 })
        if (!before) log.warn({ err: error, what }, 'loading waits and is tried again')
      } else if (before) {
        failing.delete(what)
        log.warn({ what, tries: before.tries }, 'loading works again')
      }
    },
    troubles: () => [...failing].map(([what, { text, tries }]) => `${what}: ${text} (${tries} tries)`),
  }
}

function addLag(registers: Registry[], lags: () => Lag[] | null): void {
  new Gauge({
    name: 'waggle_loader_lag_records',
    help: 'records of Kafka that ClickHouse has not acknowledged, in the partitions of this process',
    labelNames: ['topic'],
    registers,
    collect() {
      this.reset()
      const known = lags()
      // No figure is better than a zero that nobody has looked for.
      if (!known) return
      for (const topic of Object.keys(TOPICS)) this.set({ topic }, 0)
      for (const { topic, lag } of known) this.inc({ topic }, lag)
    },
  })
}
