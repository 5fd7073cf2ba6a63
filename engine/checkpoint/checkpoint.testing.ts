import { loadPartition, type Partition } from '../partition.ts'
import type { ZoneState } from '../state.ts'
import { cutOf, sliceOf } from './cut.ts'
import { applyFrames } from './frames.ts'

/** A zone as a checkpoint brings it back. */
export function throughCheckpoint(zone: ZoneState): ZoneState {
  const empty = (): Partition => {
    const nothing = { next_offset: 0 }
    return loadPartition({
      kind: 'load',
      partition: 0,
      partitions: 1,
      epoch: 1,
      operations: nothing,
      couriers: nothing,
    })
  }
  const [held, again] = [empty(), empty()]
  held.zones.set(zone.zone_id, zone)
  for (let slice = sliceOf(held, true); ; slice = sliceOf(held, false)) {
    applyFrames(again, slice.frames)
    if (slice.left === 0) break
  }
  applyFrames(again, cutOf(held).frames)
  const restored = again.zones.get(zone.zone_id)
  if (!restored) throw new Error(`zone ${zone.zone_id} is not in its checkpoint`)
  return restored
}
