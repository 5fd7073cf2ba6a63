import { move, transferableSymbol, valueSymbol } from 'piscina'
import {
  checkpointPartition,
  earliestDue,
  foldBatch,
  loadPartition,
  type Partition,
  warehouseNames,
  wholeViews,
} from './partition.ts'
import type { CheckpointBytes, Due, Folded, ViewChange, WorkerRequest } from './protocol.ts'

/** A worker thread: the memory of its partitions, and the answers of protocol.ts. One request at a time. */
const held = new Map<number, Partition>()

export default function answer(
  request: WorkerRequest,
): Folded | ViewChange[] | string[] | CheckpointBytes | Due | null {
  const partition = held.get(request.partition)
  if (request.kind === 'load') {
    if (partition && partition.epoch > request.epoch)
      throw new Error(`partition ${request.partition} has a newer owner`)
    const loaded = loadPartition(request)
    held.set(request.partition, loaded)
    return earliestDue(loaded)
  }
  if (request.kind === 'drop') {
    if (partition?.epoch === request.epoch) held.delete(request.partition)
    return null
  }
  // piscina replaces a dead thread without a word; its partitions then need a new owner.
  if (partition?.epoch !== request.epoch) {
    throw new Error(
      `this worker holds epoch ${partition?.epoch} of partition ${request.partition}, not ${request.epoch}`,
    )
  }
  switch (request.kind) {
    case 'fold':
      return transferred(foldBatch(partition, request))
    case 'whole':
      return wholeViews(partition, request)
    case 'names':
      return warehouseNames(partition)
    case 'checkpoint':
      return checkpointPartition(partition)
  }
}

/** piscina's way to say that a part of the answer changes hands instead of being copied. */
function transferred(folded: Folded): Folded {
  const { records, moved } = folded
  const buffers = [records.index.buffer, records.bytes.buffer, moved.index.buffer, moved.bytes.buffer]
  return move({ [transferableSymbol]: buffers, [valueSymbol]: folded }) as unknown as Folded
}
