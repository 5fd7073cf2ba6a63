import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { Sockets } from '../io/sockets.ts'
import type { FollowedTopic } from './follow.ts'
import type { Flow } from './rows.ts'

export interface Metrics {
  skipped(topic: FollowedTopic, count: number): void
  /** undefined: it cannot be told of which event */
  shown(event_to_screen_ms: number | undefined): void
}

export function openMetrics(metrics: Registry, read: { sockets: Sockets; figures(): Flow }): Metrics {
  const registers = [metrics]
  const skipped = new Counter({
    name: 'waggle_gateway_skipped_total',
    help: 'records of the log that could not be used',
    labelNames: ['topic'],
    registers,
  })
  const screen = new Histogram({
    name: 'waggle_event_to_screen_seconds',
    help: "from Kafka's append to pixels, as pages report it",
    buckets: [0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 2, 5, 10],
    registers,
  })
  const watch = (name: string, help: string, value: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(value())
      },
    })
  watch('waggle_gateway_clients', 'pages connected', () => read.sockets.clients())
  watch('waggle_gateway_clients_lagging', 'pages left out until they catch up', () => read.sockets.lagging())
  watch('waggle_gateway_snapshots', 'snapshots sent since the start', () => read.sockets.snapshots_sent())
  watch('waggle_gateway_lag_ms', "worst of 10 s, from Kafka's append to here, ms", () => read.figures().lag_ms_max)
  return {
    skipped: (topic, count) => skipped.inc({ topic }, count),
    shown: ms => {
      if (ms !== undefined) screen.observe(ms / 1_000)
    },
  }
}
