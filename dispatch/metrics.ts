import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

/** What dispatch counts. Labels come from closed lists. */
export function openMetrics(registry: Registry) {
  const registers = [registry]
  const counter = <Label extends string>(name: string, help: string, labelNames: Label[]) =>
    new Counter({ name: `waggle_dispatch_${name}`, help, labelNames, registers })
  const gauge = <Label extends string>(name: string, help: string, labelNames: Label[]) =>
    new Gauge({ name: `waggle_dispatch_${name}`, help, labelNames, registers })
  return {
    ticks: counter('ticks_total', 'rounds of courier assignment, by outcome', ['outcome']),
    tick_seconds: new Histogram({
      name: 'waggle_dispatch_tick_seconds',
      help: 'one round over all zones, wall clock',
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
      registers,
    }),
    offers: counter(
      'offers_total',
      'trips told to couriers: offered, replanned before they were fetched, lost (somebody was faster), expired',
      ['outcome'],
    ),
    etas: counter('etas_total', 'arrivals by phase, and whether they were within the bounds that were told first', [
      'phase',
      'inside',
    ]),
    etas_failed: counter('etas_failed_total', 'rounds in which arrivals could not be told or learnt', []),
    retimed: counter('trips_retimed_total', 'trips whose times were told anew', []),
    moves: counter('moves_total', 'idle couriers who were asked to wait elsewhere', []),
    waiting: gauge('waiting_orders', 'orders without a courier after the last round, by reason', ['why']),
    plans_refused: counter('plans_refused_total', 'plans that the checker refused: an alarm', ['zone_id']),
    orders: counter('orders_total', 'POST /v1/orders by answer: routed, rejected, undecided, conflict, unpublished', [
      'answer',
    ]),
    answer_seconds: new Histogram({
      name: 'waggle_dispatch_answer_seconds',
      help: "from POST /v1/orders to the engine's decision, wall clock",
      buckets: [0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1, 2],
      registers,
    }),
    decisions: counter(
      'decisions_total',
      'records of decisions read into the book: applied, repeated, void, unreadable',
      ['outcome'],
    ),
    decisions_refused: counter('decisions_refused_total', 'decisions that the book could not follow', ['type', 'why']),
    /** Called once, when the reader is there. */
    watchLag(lag: () => number): void {
      new Gauge({
        name: 'waggle_dispatch_decisions_lag_records',
        help: 'records of decisions that are not in the book yet',
        registers,
        collect() {
          this.set(lag())
        },
      })
    },
    commands: counter('commands_total', "dispatchers' commands on orders: done, or the reason of the refusal", [
      'action',
      'outcome',
    ]),
    deaf: gauge('deaf', '1: so many couriers are silent at once that it must be us; nothing is taken away', []),
    silent_trips: gauge('silent_trips', 'open trips of couriers not heard of for too long', []),
    taken_away: counter('trips_taken_away_total', 'trips taken from couriers who vanished', []),
    streams: gauge('streams_open', 'readers of GET /v1/work/stream', []),
    streams_dropped: counter('streams_dropped_total', 'readers that were too slow', []),
  }
}
export type Metrics = ReturnType<typeof openMetrics>
