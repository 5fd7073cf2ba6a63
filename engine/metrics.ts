import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { Folded } from './worker/protocol.ts'

/** What the engine says of itself on /metrics. */
export interface EngineMetrics {
  folded(topic: string, counts: Folded['counts'], messages: number, ms: number): void
  publishRetried(): void
  viewWritten(answer: string, views: number): void
  checkpointed(bytes: number): void
}

export function engineMetrics(
  registry: Registry,
  lag: () => { topic: string; partition: number; lag: number }[],
): EngineMetrics {
  const registers = [registry]
  const events = new Counter({
    name: 'waggle_engine_events_total',
    help: 'events folded, by what became of them',
    labelNames: ['topic', 'outcome'],
    registers,
  })
  const decisions = new Counter({
    name: 'waggle_engine_decisions_total',
    help: 'decisions published',
    labelNames: ['type'],
    registers,
  })
  const batches = new Histogram({
    name: 'waggle_engine_batch_seconds',
    help: 'from a batch to its acknowledged decisions',
    labelNames: ['topic'],
    buckets: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1, 5],
    registers,
  })
  const retries = new Counter({ name: 'waggle_engine_publish_retries_total', help: 'publishes repeated', registers })
  const views = new Counter({
    name: 'waggle_engine_view_writes_total',
    help: 'view writes by what Redis answered',
    labelNames: ['answer'],
    registers,
  })
  const checkpoints = new Counter({ name: 'waggle_engine_checkpoints_total', help: 'checkpoints written', registers })
  const checkpoint_bytes = new Gauge({
    name: 'waggle_engine_checkpoint_bytes',
    help: 'size of the newest checkpoint',
    registers,
  })
  new Gauge({
    name: 'waggle_engine_lag_messages',
    help: 'messages in Kafka that are not folded in yet',
    labelNames: ['topic', 'partition'],
    registers,
    collect() {
      this.reset()
      for (const { topic, partition, lag: messages } of lag()) this.set({ topic, partition }, messages)
    },
  })
  return {
    folded(topic, counts, _messages, ms) {
      for (const outcome of ['ok', 'duplicate', 'superseded', 'dead'] as const) {
        if (counts[outcome] > 0) events.inc({ topic, outcome }, counts[outcome])
      }
      for (const [type, count] of Object.entries(counts.decisions)) decisions.inc({ type }, count)
      batches.observe({ topic }, ms / 1_000)
    },
    publishRetried: () => retries.inc(),
    viewWritten: (answer, count) => views.inc({ answer }, count),
    checkpointed(bytes) {
      checkpoints.inc()
      checkpoint_bytes.set(bytes)
    },
  }
}
