import { cutOf, sliceOf } from '../checkpoint/cut.ts'
import { applyFrames } from '../checkpoint/frames.ts'
import { earliestDue, foldBatch, loadPartition, type Partition, warehouseNames, wholeViews } from '../partition.ts'
import { giveBack } from './pack.ts'
import type { CutAnswer, Due, Folded, SliceAnswer, ViewChange, WorkerRequest } from './protocol.ts'

export type WorkerAnswer = Folded | ViewChange[] | string[] | SliceAnswer | CutAnswer | Due | null

/** What a worker thread holds: its partitions, and the answers of protocol.ts about them. */
export interface Memory {
  /** @throws Error when the request is not of the owner whose state lies here */
  answer(request: WorkerRequest): WorkerAnswer
  readonly held: ReadonlyMap<number, Partition>
}

export function newMemory(): Memory {
  const held = new Map<number, Partition>()

  function answer(request: WorkerRequest): WorkerAnswer {
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
      case 'fold': {
        const folded = foldBatch(partition, request)
        giveBack(request.messages)
        return folded
      }
      case 'whole':
        return wholeViews(partition, request)
      case 'names':
        return warehouseNames(partition)
      case 'restore':
        // Nothing is asked of half a state: what is derived from it would stay half.
        if (request.frames === null) return earliestDue(partition)
        applyFrames(partition, request.frames)
        return null
      case 'slice':
        return sliceOf(partition, request.whole, request.frames_max)
      case 'cut':
        return cutOf(partition)
    }
  }

  return { answer, held }
}
