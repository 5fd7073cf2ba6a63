import { topicName } from '../ingest/contract.ts'
import type { LogBatch, ReaderOptions, TopicPartition } from '../ingest/io/reader.ts'
import { saveCheckpoint } from './checkpoint/save.ts'
import { NewerOwner } from './owner/adoption.ts'
import type { OwnerEffects, OwnerSettings } from './owner/effects.ts'
import { maintain } from './owner/upkeep.ts'
import { foldBatch, loseOwner, type Owner, readDecisions, takeOver } from './owner.ts'

/** The partitions that this process owns, as the reader hands them out and takes them away. */
export interface Owners extends Required<Pick<ReaderOptions, 'start' | 'handle' | 'kept' | 'lost'>> {
  /** Views, checkpoints and ticks of all partitions; to be called a few times a second. */
  maintain(): void
  /** Rejects while views in Redis are behind. */
  checkViews(): Promise<void>
  /** After the reader is drained: ends with a checkpoint of each partition. */
  close(): Promise<void>
}

/** Longer than the session after which Kafka takes a partition from a process that stalled. */
const OUTDONE_MS = 10_000

export function openOwners(settings: OwnerSettings, effects: OwnerEffects): Owners {
  const operations = topicName(settings.namespace, 'operations')
  const decisions = topicName(settings.namespace, 'decisions')
  const owned = new Map<number, Promise<Owner>>()
  /** takeovers of a partition follow each other: one that was lost must not raise the epoch behind the next one's back */
  const taking = new Map<number, Promise<unknown>>()

  /** epochs in the log that were higher than ours */
  const outdone = new Map<number, number>()

  function own(partition: number, signal: AbortSignal): Promise<Owner> {
    const known = owned.get(partition)
    if (known) return known
    const before = taking.get(partition) ?? Promise.resolve()
    const owner = before.then(() => takeOver(partition, settings, effects, signal, outdone.get(partition)))
    owned.set(partition, owner)
    const over = owner.then(
      () => undefined,
      () => {
        // A failed try is forgotten, so that the reader's next one begins anew.
        if (owned.get(partition) === owner) owned.delete(partition)
      },
    )
    taking.set(partition, over)
    return owner
  }

  /** @throws Error when the partition is not ours any more: a batch of it must not count as handled */
  async function ownerOf({ partition }: LogBatch): Promise<Owner> {
    const owner = await owned.get(partition)
    if (!owner || owner.ended.signal.aborted) throw new Error(`partition ${partition} is not ours any more`)
    return owner
  }

  /**
   * A newer owner than us: mostly we lost the partition and shall hear of it. If nobody takes it away, it is ours,
   * and must be taken over above that epoch.
   */
  function adoptOrAgain(owner: Owner, batch: LogBatch): 'stop' | 'again' | undefined {
    try {
      return readDecisions(owner, batch, effects)
    } catch (error) {
      if (!(error instanceof NewerOwner)) throw error
      owner.outdone_at ||= effects.now_ms()
      if (effects.now_ms() - owner.outdone_at < OUTDONE_MS) throw error
      outdone.set(owner.partition, error.epoch)
      return 'again'
    }
  }

  return {
    async start({ topic, partition }: TopicPartition, signal) {
      const owner = await own(partition, signal)
      if (topic === decisions) return owner.adopt_from
      await owner.adopted.promise
      return topic === operations ? owner.next.operations : owner.next.couriers
    },
    async handle(batch) {
      const owner = await ownerOf(batch)
      if (batch.topic === decisions) return adoptOrAgain(owner, batch)
      await foldBatch(owner, batch.topic === operations ? 'operations' : 'couriers', batch, settings, effects)
      return undefined
    },
    async kept(partition) {
      const owner = await owned.get(partition)?.catch(() => null)
      return owner != null && effects.isNewestOwner(partition, owner.epoch)
    },
    lost({ topic, partition }) {
      if (topic !== operations) return
      const promise = owned.get(partition)
      owned.delete(partition)
      promise?.then(
        owner => loseOwner(owner, effects),
        () => undefined,
      )
    },
    maintain() {
      for (const promise of owned.values()) {
        // Each owner by itself: one whose publishing is stuck does not keep the others from their timers.
        promise.then(
          owner => maintain(owner, settings, effects),
          () => undefined,
        )
      }
    },
    async checkViews() {
      for (const promise of owned.values()) {
        const trouble = (await promise).views.trouble()
        if (trouble) throw new Error(trouble)
      }
    },
    async close() {
      for (const promise of owned.values()) {
        const owner = await promise.catch(() => null)
        if (!owner) continue
        await saveCheckpoint(owner, effects).catch((error: Error) =>
          effects.log.warn({ err: error }, 'no last checkpoint'),
        )
        owner.ended.abort()
        await owner.views.idle()
      }
    },
  }
}
