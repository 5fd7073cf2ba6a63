import type { CourierView, WarehouseView } from '../../engine/contract.ts'
import type { WarehouseRow } from '../../ingest/contract.ts'
import type { Clock } from '../../ingest/events/network.ts'
import type { Log } from '../../ingest/io/log.ts'
import type { Delta, MinutePoint } from '../contract.ts'
import { type FlowLog, flowOf, noteDelta } from './flow.ts'
import {
  advance,
  applyClock,
  applyFleet,
  applyMinutes,
  applyReadyIn,
  applyWarehouses,
  type Picture,
} from './picture.ts'
import { nextDelta, type Room } from './room.ts'
import { type ShiftLogEffects, shiftLogReader } from './shift_log.ts'

/** What keeps the room going: the tick that makes deltas, and the three questions that are asked beside the log. */
export interface LiveEffects extends ShiftLogEffects {
  clock(): Clock
  /** another map whenever something changed */
  warehouses(): ReadonlyMap<string, WarehouseRow>
  send(delta: Delta): void
  /** from the live views; rejects while Redis is away */
  fleet(): Promise<CourierView[]>
  warehouseViews(warehouse_ids: readonly string[]): Promise<WarehouseView[]>
  /** from ClickHouse; rejects while it is away */
  minutes(span: { from_ms: number; to_ms: number }): Promise<MinutePoint[]>
}

export interface Live {
  picture: Picture
  room: Room
  flow: FlowLog
  log: Log
  /** deltas a second */
  hz: number
}

const ADVANCE_MS = 1_000
const VIEWS_MS = 1_000
const SHIFT_LOG_MS = 1_000
const MINUTES_MS = 5_000
const MINUTES_SPAN_MS = 120 * 60_000
const MINUTES_WITHIN_MS = 4_000

/** @returns what ends it */
export function keepLive(live: Live, effects: LiveEffects): () => void {
  const stops = [
    every(VIEWS_MS, live.log, 'the live views in Redis', viewsReader(live, effects)),
    every(SHIFT_LOG_MS, live.log, 'the shift log in Postgres', shiftLogReader(live.picture, effects)),
    every(MINUTES_MS, live.log, 'ClickHouse', minutesReader(live, effects)),
  ]
  const timer = setInterval(ticker(live, effects), 1_000 / live.hz)
  return () => {
    clearInterval(timer)
    for (const stop of stops) stop()
  }
}

/** The network and the clock as they stand; what is new in them goes out with the next delta. */
export function takeSettings(picture: Picture, { warehouses, clock }: Pick<LiveEffects, 'warehouses' | 'clock'>): void {
  applyWarehouses(picture, [...warehouses().values()])
  if (picture.clock !== clock()) applyClock(picture, clock())
}

function ticker({ picture, room, flow, hz }: Live, effects: LiveEffects): () => void {
  let warehouses: unknown
  let ticks = 0
  return () => {
    ticks += 1
    const now = effects.now()
    if (ticks % Math.ceil((hz * ADVANCE_MS) / 1_000) === 0) advance(picture, now)
    picture.now = Math.max(picture.now, now)
    if (warehouses !== effects.warehouses() || picture.clock !== effects.clock()) takeSettings(picture, effects)
    warehouses = effects.warehouses()
    const wall_ms = Date.now()
    const delta = nextDelta(picture, room, flowOf(flow, wall_ms), wall_ms)
    if (!delta) return
    noteDelta(flow, delta.seq, wall_ms)
    effects.send(delta)
  }
}

function viewsReader({ picture }: Live, effects: LiveEffects): () => Promise<void> {
  let fleet_known = false
  return async () => {
    if (!fleet_known) applyFleet(picture, await effects.fleet())
    fleet_known = true
    applyReadyIn(picture, await effects.warehouseViews([...picture.warehouses.keys()]))
  }
}

function minutesReader({ picture }: Live, effects: LiveEffects): () => Promise<void> {
  return async () => {
    const now = effects.now()
    try {
      const span = { from_ms: now - MINUTES_SPAN_MS, to_ms: now }
      const minutes = await within(MINUTES_WITHIN_MS, effects.minutes(span))
      applyMinutes(
        picture,
        minutes.map(({ minute, placed, rejected, delivered }) => ({ minute, placed, rejected, delivered })),
        now,
      )
    } catch (error) {
      applyMinutes(picture, null, null)
      throw error
    }
  }
}

/** One at a time, and one line in the log when it stops working and one when it works again. */
function every(ms: number, log: Log, what: string, work: () => Promise<void>): () => void {
  let [busy, failed_at, stopped] = [false, 0, false]
  const run = async (): Promise<void> => {
    if (busy) return
    busy = true
    try {
      await work()
      if (failed_at > 0) log.warn({ away_ms: Date.now() - failed_at }, `${what} can be asked again`)
      failed_at = 0
    } catch (error) {
      if (failed_at === 0 && !stopped)
        log.warn({ err: error }, `${what} cannot be asked; the page shows how old its figures are`)
      failed_at ||= Date.now()
    } finally {
      busy = false
    }
  }
  void run()
  const timer = setInterval(() => void run(), ms)
  return () => {
    stopped = true
    clearInterval(timer)
  }
}

async function within<Result>(ms: number, work: Promise<Result>): Promise<Result> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(`no answer within ${ms} ms`)), ms)
  try {
    return await Promise.race([work, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
