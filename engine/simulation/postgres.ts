import type { Checkpoint, CheckpointWrite } from '../io/postgres.ts'

/** Owners and checkpoints as engine/io/postgres.ts keeps them. It can come back with an older checkpoint. */
export interface SimulatedPostgres {
  raiseEpoch(partition: number): number
  isNewestOwner(partition: number, epoch: number): boolean
  readCheckpoint(topic: 'operations' | 'couriers', partition: number): Checkpoint | null
  writeCheckpoint(write: CheckpointWrite): boolean
  /** Forgets the newest checkpoint, so that an older one is the newest again. false: there is no older one. */
  stepBack(partition: number): boolean
}

const CHECKPOINTS_KEPT = 3

export function newPostgres(): SimulatedPostgres {
  const epochs = new Map<number, number>()
  const checkpoints = new Map<number, CheckpointWrite[]>()
  return {
    raiseEpoch(partition) {
      const epoch = (epochs.get(partition) ?? 0) + 1
      epochs.set(partition, epoch)
      return epoch
    },
    isNewestOwner: (partition, epoch) => epochs.get(partition) === epoch,
    readCheckpoint(topic, partition) {
      const write = checkpoints.get(partition)?.at(-1)
      if (!write) return null
      const { decisions_next, decisions_epoch, fold_version } = write
      const { next_offset, bytes } = write[topic]
      return { next_offset, decisions_next, decisions_epoch, fold_version, state: Buffer.from(bytes) }
    },
    writeCheckpoint(write) {
      if (epochs.get(write.partition) !== write.epoch) return false
      const kept = [...(checkpoints.get(write.partition) ?? []), write].slice(-CHECKPOINTS_KEPT)
      checkpoints.set(write.partition, kept)
      return true
    },
    stepBack(partition) {
      const kept = checkpoints.get(partition)
      if (!kept || kept.length < 2) return false
      kept.pop()
      return true
    },
  }
}
