import { move, transferableSymbol, valueSymbol } from 'piscina'
import { digestZones } from './checkpoint.ts'
import { checkpointPartition, foldBatch, loadPartition, type Partition, wholeViews } from './partition.ts'
import type { CheckpointBytes, Folded, ViewChange, WorkerRequest } from './protocol.ts'

/** A worker thread: the memory of its partitions, and the answers of protocol.ts. One request at a time. */
const held = new Map<number, Partition>()

export default function answer(request: WorkerRequest): Folded | ViewChange[] | CheckpointBytes | string | null {
  if (request.kind === 'load') {
    held.set(request.partition, loadPartition(request))
    return null
  }
  if (request.kind === 'drop') {
    held.delete(request.partition)
    return null
  }
  const partition = held.get(request.partition)
  // piscina replaces a dead thread without a word; its partitions then need a new owner.
  if (!partition) throw new Error(`partition ${request.partition} is not held by this worker: its memory is gone`)
  switch (request.kind) {
    case 'fold':
      return transferred(foldBatch(partition, request))
    case 'whole':
      return wholeViews(partition, request.warehouse_ids, request.fleet)
    case 'checkpoint':
      return checkpointPartition(partition)
    case 'digest':
      return digestZones(partition.zones.values())
  }
}

/** piscina's way to say that a part of the answer changes hands instead of being copied. */
function transferred(folded: Folded): Folded {
  const { index, bytes } = folded.records
  return move({ [transferableSymbol]: [index.buffer, bytes.buffer], [valueSymbol]: folded }) as unknown as Folded
}
