import type { Counters } from '../contract.ts'
import { type FlowLog, flowOf, shownQuantile } from './flow.ts'
import type { Picture } from './picture.ts'
import { countersOf } from './rows.ts'

/** GET /api/stats. Latencies in ms of wall time; null: no page has reported yet. */
export interface Stats {
  /** the log is being read and nothing fails */
  connected: boolean
  troubles: string[]
  clients: number
  as_of: number
  lag_ms_max: number
  event_to_screen_ms_p50: number | null
  event_to_screen_ms_p99: number | null
  event_to_screen_reports: number
  counters: Counters
}

export function statsOf(
  picture: Picture,
  flow: FlowLog,
  reader: { ready(): boolean; troubles(): string[] },
  clients: number,
): Stats {
  const troubles = reader.troubles()
  const figures = flowOf(flow, Date.now())
  return {
    connected: reader.ready() && troubles.length === 0,
    troubles,
    clients,
    as_of: picture.now,
    lag_ms_max: figures.lag_ms_max,
    event_to_screen_ms_p50: shownQuantile(flow, 0.5),
    event_to_screen_ms_p99: shownQuantile(flow, 0.99),
    event_to_screen_reports: flow.reported,
    counters: countersOf(picture, figures),
  }
}
