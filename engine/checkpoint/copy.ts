import { loadPartition, type Partition } from '../partition.ts'
import type { ZoneState } from '../state.ts'
import { cutOf, sliceOf } from './cut.ts'
import { applyFrames, rowMaps } from './frames.ts'

/** A zone of its own with the same state: what a checkpoint would bring back. */
export function copyZone(zone: ZoneState): ZoneState {
  const [held, again] = [emptyPartition(), emptyPartition()]
  held.zones.set(zone.zone_id, zone)
  applyFrames(again, sliceOf(held, true).frames)
  applyFrames(again, cutOf(held).frames)
  const copy = again.zones.get(zone.zone_id)
  if (!copy) throw new Error(`zone ${zone.zone_id} is not in its own checkpoint`)
  return copy
}

function emptyPartition(): Partition {
  const nothing = { next_offset: 0 }
  return loadPartition({ kind: 'load', partition: 0, partitions: 1, epoch: 1, operations: nothing, couriers: nothing })
}

/** For a fold that writes no checkpoints: what it changed need not be remembered, and would grow with the log. */
export function forgetChanged(zone: ZoneState): void {
  zone.warehouses.forgetChanged()
  for (const { stock } of zone.warehouses.values()) stock.forgetChanged()
  for (const [, map] of rowMaps(zone)) map.forgetChanged()
}
