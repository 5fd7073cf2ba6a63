import { packMessages } from '../ingest/io/log_messages.ts'
import type { LogBatch } from '../ingest/io/reader.ts'
import { type Chain, chainOf, restore } from './checkpoint/save.ts'
import { FOLD_VERSION } from './checkpoint.ts'
import { type LiveViews, openLiveViews } from './live_views.ts'
import { type Adoption, adopt, newAdoption } from './owner/adoption.ts'
import type { OwnerEffects, OwnerSettings } from './owner/effects.ts'
import { publishOffers } from './owner/offers.ts'
import { publishFolded, publishMoved } from './owner/publish.ts'
import type { Due, Folded, FoldRequest } from './worker/protocol.ts'

/**
 * The life of one partition under one owner.
 *
 *   takeOver ─► raise the epoch ─► publish the markers ─► load the checkpoint
 *            ─► readDecisions: adopt `decisions` up to the marker
 *            ─► foldBatch: fold ─► publish decisions and dead letters (acknowledged) ─► views       maintain (upkeep.ts)
 *                                                                                   ├─► movements, beside the next batch
 *                                                                                   └─► offers to neighbours (offers.ts)
 *            ─► loseOwner, or saveCheckpoint at a clean stop
 *
 * If anything fails between the fold and Kafka's acknowledgement, the process ends: what is folded is never folded again,
 * and a new owner begins from the checkpoint.
 */
export interface Owner {
  partition: number
  epoch: number
  adoption: Adoption
  adopted: PromiseWithResolvers<void>
  /** when the log was first seen to know a newer owner; 0: never */
  outdone_at: number
  adopt_from: number
  /** first offset that is not folded in, by topic */
  next: { operations: number; couriers: number }
  /** `next` as the last checkpoint has it */
  saved: { operations: number; couriers: number }
  saved_at: number
  chain: Chain
  /** the checkpoint under way, and those that wait for it */
  saving: Promise<void>
  /** offset in `decisions` behind everything that is folded and acknowledged, and the highest epoch before it */
  decisions_next: number
  decisions_epoch: number
  /** end of `operations` at the takeover: until it is folded in, Redis may know more than we do */
  catch_up_to: number
  /** all views are written, or known to be wanting */
  views_begun: boolean
  rewriting: boolean
  maintaining: boolean
  /** by topic: everything folded is acknowledged, movements apart; only then may the state become a checkpoint */
  settled: Record<FoldedTopic, boolean>
  /** Resolves when the movements of all batches so far are acknowledged: a checkpoint waits for it, too. */
  ledger: Promise<void>
  /** Resolves when all offers to neighbouring zones so far are in the log; a checkpoint waits for none to be left. */
  offering: Promise<void>
  offers_waiting: number
  due: Due | null
  /** offset of our last tick in `operations`: until it is folded in, another one would say nothing new */
  ticked_at: number
  views: LiveViews
  probed_at: number
  /** one thing at a time: the batches of a topic; and what looks at the whole state, for which both topics rest */
  turns: Record<FoldedTopic, Promise<unknown>>
  /** aborted when the partition is somebody else's */
  ended: AbortController
}

/**
 * Raises the epoch, publishes the marker and loads the checkpoint.
 * @param signal the partition was lost meanwhile
 * @param above a higher epoch that the log was seen to hold
 */
export async function takeOver(
  partition: number,
  settings: OwnerSettings,
  effects: OwnerEffects,
  signal: AbortSignal,
  above = 0,
): Promise<Owner> {
  signal.throwIfAborted()
  const catch_up_to = await effects.operationsEnd(partition)
  signal.throwIfAborted()
  const epoch = await effects.raiseEpoch(partition, above)
  signal.throwIfAborted()
  const marker = { kind: 'owner', epoch, fold_version: FOLD_VERSION, owner: settings.owner }
  const value = Buffer.from(JSON.stringify(marker))
  // In this order: what a former owner's movements tell is then sure to be adopted (see loader/rule.ts).
  await effects.send('movements', { partition, key: 'owner', value })
  signal.throwIfAborted()
  const { offset: marker_offset } = await effects.send('decisions', { partition, key: 'owner', value })
  const checkpoint = await effects.readCheckpoint(partition)
  const next = { operations: checkpoint?.operations_next ?? 0, couriers: checkpoint?.couriers_next ?? 0 }
  signal.throwIfAborted()
  await effects.ask<'load'>({
    kind: 'load',
    partition,
    partitions: settings.partitions,
    epoch,
    operations: { next_offset: next.operations },
    couriers: { next_offset: next.couriers },
  })
  const due = checkpoint ? await restore({ partition, epoch }, checkpoint, effects, signal) : null
  effects.log.info({ partition, epoch, marker_offset, next }, 'took a partition over')
  return {
    partition,
    epoch,
    adoption: newAdoption(epoch, marker_offset, next.operations, checkpoint?.decisions_epoch ?? 0),
    adopted: Promise.withResolvers(),
    outdone_at: 0,
    adopt_from: checkpoint?.decisions_next ?? 0,
    next,
    saved: { ...next },
    chain: chainOf(checkpoint),
    saving: Promise.resolve(),
    // Not all partitions at the same moment: eight checkpoints at once held up what came in for a tenth of a second.
    saved_at: effects.now_ms() - (settings.checkpoint_every_ms * partition) / settings.partitions,
    decisions_next: checkpoint?.decisions_next ?? 0,
    decisions_epoch: checkpoint?.decisions_epoch ?? 0,
    catch_up_to,
    views_begun: false,
    rewriting: false,
    maintaining: false,
    settled: { operations: true, couriers: true },
    ledger: Promise.resolve(),
    offering: Promise.resolve(),
    offers_waiting: 0,
    due,
    ticked_at: -1,
    views: openLiveViews(effects),
    probed_at: 0,
    turns: { operations: Promise.resolve(), couriers: Promise.resolve() },
    ended: new AbortController(),
  }
}

/**
 * Takes a batch of `decisions` in. Returns 'stop' once our own marker is reached: nothing after it concerns us.
 * @throws NewerOwner
 */
export function readDecisions(owner: Owner, batch: LogBatch, effects: OwnerEffects): 'stop' | undefined {
  for (const { offset, value } of batch.messages) {
    if (!adopt(owner.adoption, offset, value)) continue
    const { partition, epoch, adoption } = owner
    effects.log.info({ partition, epoch, adopted: adoption.decisions.size }, 'adopted what was decided')
    finishAdoption(owner)
    owner.adopted.resolve()
    return 'stop'
  }
  return undefined
}

/** Folds a batch and publishes what follows from it. @throws when the partition was lost or, after `fault`, for good */
export async function foldBatch(
  owner: Owner,
  topic: FoldedTopic,
  batch: LogBatch,
  settings: OwnerSettings,
  effects: OwnerEffects,
): Promise<void> {
  await inTurn(owner, [topic], () => foldAndPublish(owner, topic, batch, settings, effects)).catch((error: Error) => {
    if (!owner.ended.signal.aborted) effects.fault(error)
    throw error
  })
}

async function foldAndPublish(
  owner: Owner,
  topic: FoldedTopic,
  batch: LogBatch,
  settings: OwnerSettings,
  effects: OwnerEffects,
): Promise<void> {
  if (owner.ended.signal.aborted) throw new Error(`partition ${owner.partition} is not ours any more`)
  const started_ms = effects.now_ms()
  const messages = packMessages(batch.messages)
  const { partition, epoch } = owner
  const adopted = topic === 'operations' ? adoptedOf(owner.adoption, batch) : null
  owner.settled[topic] = false
  const folded = await effects.ask<'fold'>({ kind: 'fold', topic, partition, epoch, messages, adopted })
  await publishFolded(owner, batch, folded, settings, effects)
  if (topic === 'operations') await publishRest(owner, folded, settings, effects)
  const last = batch.messages.at(-1)
  if (last) owner.next[topic] = last.offset + 1
  finishAdoption(owner)
  owner.settled[topic] = true
  // Couriers' events move no timer, and their batch may end before an earlier one of operations.
  if (topic === 'operations') owner.due = folded.due
  owner.views.change(folded.views, { epoch, offset: owner.next[topic] - 1 })
  effects.metrics.folded(topic, folded.counts, batch.messages.length, effects.now_ms() - started_ms)
  effects.decided(folded.decided)
}

/** What may only go out once the decisions are acknowledged. */
async function publishRest(
  owner: Owner,
  folded: Folded,
  settings: OwnerSettings,
  effects: OwnerEffects,
): Promise<void> {
  // The movements of one batch at most are under way while the next one is folded.
  await owner.ledger
  owner.ledger = publishMoved(owner, folded, effects)
  owner.ledger.catch((error: Error) => {
    if (!owner.ended.signal.aborted) effects.fault(error)
  })
  await publishOffers(owner, folded.offers, settings, effects)
}

/**
 * In the order asked for, whatever became of the former. Positions of couriers and what is decided have nothing to do with each other: an order
 * that waited for the couriers' batch of its partition came some 3 ms later, and one in a hundred 20.
 */
export function inTurn<Result>(
  owner: Owner,
  topics: readonly FoldedTopic[],
  work: () => Promise<Result>,
): Promise<Result> {
  const run = Promise.all(topics.map(topic => owner.turns[topic])).then(work)
  const over = run.catch(() => undefined)
  for (const topic of topics) owner.turns[topic] = over
  return run
}

export const BOTH_TOPICS = ['operations', 'couriers'] as const
export type FoldedTopic = (typeof BOTH_TOPICS)[number]

/** The partition is somebody else's: whatever is still under way for it changes nothing any more. */
export function loseOwner(owner: Owner, effects: OwnerEffects): void {
  owner.ended.abort()
  owner.adopted.promise.catch(() => undefined)
  owner.adopted.reject(new Error(`partition ${owner.partition} was lost`))
  const { partition, epoch } = owner
  effects
    .ask<'drop'>({ kind: 'drop', partition, epoch })
    .catch((error: Error) => effects.log.warn({ err: error, partition }, 'a lost partition stays in memory'))
}

/** Once all that was adopted is folded in, a checkpoint need not lead back to it. */
function finishAdoption(owner: Owner): void {
  const { adoption, next } = owner
  if (adoption.through >= next.operations) return
  adoption.decisions.clear()
  owner.decisions_next = Math.max(owner.decisions_next, adoption.marker_offset)
  owner.decisions_epoch = owner.epoch
}

/** The part of what was adopted that a batch needs; null when all of that is behind it. */
function adoptedOf({ through, decisions }: Adoption, { messages }: LogBatch): FoldRequest['adopted'] {
  const first = messages.at(0)
  if (!first || through < first.offset) return null
  const mine = [...messages].flatMap(({ offset }) => {
    const taken = decisions.get(offset)
    return taken ? [[offset, taken] as const] : []
  })
  return { through, decisions: new Map(mine) }
}
