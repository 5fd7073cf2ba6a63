import type { OrderView, TripView } from '../../../dispatch/contract.ts'
import type { CityClock } from '../clock.ts'
import type { Couriers } from '../couriers.ts'
import type { Doors } from '../doors.ts'
import { type Draws, draws } from '../random.ts'
import { type Said, writeDown } from '../shift_log.ts'
import type { Place, PlannedOrder, Town } from '../town.ts'
import type { Trouble } from '../trouble.ts'
import type { Warehouses } from '../warehouses.ts'
import type { Cue, SceneName } from './script.ts'

/** What every scene has: the city's people to act with, a record of what it did, and the shift log to announce it in. */

export interface SceneStage {
  seed: number
  town: Town
  clock: CityClock
  doors: Pick<Doors, 'ops' | 'order' | 'cancelOrder' | 'customerOf'>
  spawn: (work: Promise<void>) => void
  trouble: Trouble
  warehouses: Pick<Warehouses, 'runOut' | 'deliver' | 'spoil'>
  couriers: Pick<Couriers, 'seen'>
  /** what is open, as last heard of */
  orders(): readonly OrderView[]
  trips(): readonly TripView[]
  /** @returns the order's id; undefined: Waggle refused to take it */
  order(plan: Omit<PlannedOrder, 'due_ms'>): Promise<string | undefined>
  /** as scenes count time: wall s, at the pace of the evening */
  wait(wall_s: number): Promise<void>
  /** wall s since the beginning, in the same measure */
  since_s(): number
}

/** What became of a scene, as it was and not as it was planned. Ids are those that the city laid hands on. */
export interface SceneRecord {
  scene: SceneName
  round: number
  /** wall s after the beginning; null: it has not come to that */
  due_s: number
  began_s: number | null
  /** everything is as it was before */
  mended_s: number | null
  outcome: 'waits' | 'happened' | 'did_not_happen'
  /** why it did not, or has not yet */
  why: string | null
  warehouse_ids: string[]
  courier_ids: string[]
  order_ids: string[]
}

export interface Playing extends SceneStage {
  cue: Cue
  draw: Draws
  record: SceneRecord
}

/** A scene: undefined when it has happened, or why it can not just now. It mends by itself what it broke. */
export type Act = (playing: Playing) => Promise<string | undefined>

export const newRecord = ({ scene, round, at_s }: Cue): SceneRecord => ({
  ...{ scene, round, due_s: at_s, began_s: null, mended_s: null, outcome: 'waits', why: null },
  ...{ warehouse_ids: [], courier_ids: [], order_ids: [] },
})

export const drawsOf = (seed: number, { scene, round }: Cue): Draws => draws(seed, 'scene', scene, round)

/** From here on it happens: everybody is told, and the clock of the record starts. */
export async function announce(playing: Playing, note: Said): Promise<void> {
  playing.record.began_s ??= rounded(playing.since_s())
  await writeDown(playing, note)
}

/** A little later it is over, and everything is as before. */
export async function mended(playing: Playing, note?: Said): Promise<void> {
  playing.record.mended_s = rounded(playing.since_s())
  if (note) await writeDown(playing, note)
}

const rounded = (s: number): number => Math.round(s * 10) / 10

export const aboutWarehouse = ({ warehouse_id, point }: Place): Pick<Said, 'warehouse_id' | 'point'> => ({
  warehouse_id: warehouse_id as NonNullable<Said['warehouse_id']>,
  point,
})

export const aboutOrder = ({ order_id, point }: OrderView): Pick<Said, 'order_id' | 'point'> => ({ order_id, point })

/** The end of an order's id, by which people call it out and the feed does. */
export const calledOut = (order_id: string): string =>
  order_id
    .replaceAll(/[^A-Za-z0-9]/g, '')
    .slice(-4)
    .toUpperCase()
