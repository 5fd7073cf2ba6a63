import { BOTH_TOPICS, inTurn, type Owner } from '../owner.ts'
import type { ViewChange } from '../worker/protocol.ts'
import type { OwnerEffects } from './effects.ts'

/**
 * Writes what Redis lacks: everything once after a takeover, later what was emptied or could not be written. A slice at a
 * time, so that neither the fold nor Redis waits long for it and memory stays bounded: the texts of 5,000 fields take the
 * worker 0.3 ms.
 */
const FIELDS_A_SLICE = 5_000

/** To be called when the fold has caught up; a call while the former one is under way does nothing. Never rejects. */
export async function rewriteViews(owner: Owner, effects: OwnerEffects): Promise<void> {
  if (owner.rewriting) return
  owner.rewriting = true
  try {
    if (!owner.views_begun) {
      owner.views.want(await everyView(owner, effects))
      owner.views_begun = true
    }
    while (await rewriteSlice(owner, effects)) {
      // Until nothing is wanting, or Redis takes no more.
    }
  } catch (error) {
    if (!owner.ended.signal.aborted)
      effects.log.warn({ err: error, partition: owner.partition }, 'views could not be written, soon again')
  } finally {
    owner.rewriting = false
  }
}

async function everyView({ partition, epoch }: Owner, effects: OwnerEffects): Promise<ViewChange['view'][]> {
  const names = await effects.ask<'names'>({ kind: 'names', partition, epoch })
  return [{ kind: 'fleet', partition }, ...names.map(warehouse_id => ({ kind: 'warehouse' as const, warehouse_id }))]
}

/** @returns whether there may be more to write */
async function rewriteSlice(owner: Owner, effects: OwnerEffects): Promise<boolean> {
  const wanted = owner.views.wanting()
  if (!wanted || owner.ended.signal.aborted) return false
  // In turn, so that the fences say what the views hold.
  const written = await inTurn(owner, BOTH_TOPICS, async () => {
    const { partition, epoch, next } = owner
    const changes = await effects.ask<'whole'>({
      kind: 'whole',
      partition,
      epoch,
      ...wanted,
      fields_max: FIELDS_A_SLICE,
    })
    const fences = {
      operations: { epoch, offset: next.operations - 1 },
      couriers: { epoch, offset: next.couriers - 1 },
    }
    return { some: changes.length > 0, done: owner.views.replace(changes, fences) }
  })
  return written.some && (await written.done)
}
