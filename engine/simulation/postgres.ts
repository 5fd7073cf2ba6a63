import type { Checkpoint, CheckpointCut, CheckpointPart } from '../io/checkpoints.ts'

/** Owners and checkpoints as engine/io/postgres.ts and checkpoints.ts keep them. A new owner may find an older checkpoint. */
export interface SimulatedPostgres {
  raiseEpoch(partition: number): number
  isNewestOwner(partition: number, epoch: number): boolean
  readCheckpoint(partition: number): Checkpoint | null
  readParts(partition: number, at: Pick<Checkpoint, 'base' | 'cut'>, skip: number): Uint8Array[]
  writePart(part: CheckpointPart): void
  writeCut(cut: CheckpointCut): boolean
}

const PARTS_A_READ = 4
/** bases of former chains that are kept, so that there is something to step back to */
const BASES_KEPT = 2

/** `losesNewest`: asked at every raised epoch that finds more than one checkpoint. */
export function newPostgres(losesNewest: () => boolean): SimulatedPostgres {
  const epochs = new Map<number, number>()
  /** by partition, in order of their numbers */
  const cuts = new Map<number, CheckpointCut[]>()
  const parts = new Map<number, CheckpointPart[]>()
  const cutsOf = (partition: number) => cuts.get(partition) ?? []
  const partsOf = (partition: number) => parts.get(partition) ?? []

  /** A new chain has begun: of the former ones only some first cuts stay. */
  function forgetOld({ partition, cut }: CheckpointCut): void {
    const bases = cutsOf(partition).filter(old => old.cut === old.base && old.cut < cut)
    const kept = new Set(bases.slice(-BASES_KEPT).map(base => base.cut))
    cuts.set(
      partition,
      cutsOf(partition).filter(old => old.cut >= cut || kept.has(old.cut)),
    )
    parts.set(
      partition,
      partsOf(partition).filter(part => part.cut >= cut || kept.has(part.cut)),
    )
  }

  return {
    raiseEpoch(partition) {
      const epoch = (epochs.get(partition) ?? 0) + 1
      epochs.set(partition, epoch)
      // Restored from a backup: whoever wrote the lost ones is not the newest owner any more.
      if (cutsOf(partition).length > 1 && losesNewest()) cutsOf(partition).pop()
      return epoch
    },
    isNewestOwner: (partition, epoch) => epochs.get(partition) === epoch,
    readCheckpoint(partition) {
      const newest = cutsOf(partition).at(-1)
      if (!newest) return null
      const chain = cutsOf(partition).filter(({ cut, base }) => cut >= newest.base && base === newest.base)
      const base_bytes = chain[0]?.bytes ?? 0
      const later_bytes = chain.reduce((sum, { bytes }) => sum + bytes, 0) - base_bytes
      return { ...newest, base_bytes, later_bytes }
    },
    readParts(partition, { base, cut }, skip) {
      const counted = new Map(cutsOf(partition).map(one => [one.cut, one.epoch]))
      return partsOf(partition)
        .filter(part => part.cut >= base && part.cut <= cut && counted.get(part.cut) === part.epoch)
        .sort((a, b) => a.cut - b.cut || a.part - b.part)
        .slice(skip, skip + PARTS_A_READ)
        .map(({ frames }) => frames)
    },
    writePart(part) {
      const others = partsOf(part.partition).filter(
        ({ cut, epoch, part: number }) => cut !== part.cut || epoch !== part.epoch || number !== part.part,
      )
      parts.set(part.partition, [...others, { ...part, frames: Buffer.from(part.frames) }])
    },
    writeCut(cut) {
      if (epochs.get(cut.partition) !== cut.epoch) return false
      const known = cutsOf(cut.partition)
      if (known.some(other => other.cut === cut.cut))
        throw new Error('duplicate key value violates checkpoint_cuts_pkey')
      cuts.set(
        cut.partition,
        [...known, cut].sort((a, b) => a.cut - b.cut),
      )
      if (cut.base === cut.cut) forgetOld(cut)
      return true
    },
  }
}
