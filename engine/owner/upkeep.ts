import { SCHEMA_VERSION } from '../../ingest/events/envelope.ts'
import { saveCheckpoint } from '../checkpoint/save.ts'
import type { Owner } from '../owner.ts'
import type { Due } from '../worker/protocol.ts'
import type { OwnerEffects, OwnerSettings } from './effects.ts'
import { rewriteViews } from './rewrite_views.ts'

/** What an owner does between the batches: views that must be written whole, checkpoints, and ticks when a timer is due. */

const PROBE_EVERY_MS = 1_000

/** To be called a few times a second; a call while the former one is under way does nothing. */
export async function maintain(owner: Owner, settings: OwnerSettings, effects: OwnerEffects): Promise<void> {
  if (owner.maintaining || owner.ended.signal.aborted) return
  owner.maintaining = true
  try {
    await maintainOnce(owner, settings, effects)
  } catch (error) {
    effects.log.warn({ err: error, partition: owner.partition }, 'maintenance failed, next time again')
  } finally {
    owner.maintaining = false
  }
}

async function maintainOnce(owner: Owner, settings: OwnerSettings, effects: OwnerEffects): Promise<void> {
  const now = effects.now_ms()
  if (now - owner.probed_at >= PROBE_EVERY_MS) {
    owner.probed_at = now
    void owner.views.probe()
  }
  const caught_up = owner.next.operations >= owner.catch_up_to
  // Not awaited: Redis never holds up checkpoints and ticks.
  if (caught_up) void rewriteViews(owner, effects)
  if (now - owner.saved_at >= settings.checkpoint_every_ms) {
    owner.saved_at = now
    await saveCheckpoint(owner, effects)
  }
  if (caught_up && owner.due && owner.due.wall_ms <= now && owner.next.operations > owner.ticked_at)
    await tick(owner, owner.due, effects)
}

/**
 * Time went on and nothing else did. One at a time: while the fold lags behind, what lies before the tick moves its
 * time anyway.
 */
async function tick(owner: Owner, due: Due, effects: OwnerEffects): Promise<void> {
  const now = effects.now_ms()
  const event = {
    event_id: effects.newId(),
    type: 'tick',
    schema_version: SCHEMA_VERSION,
    tenant_id: due.tenant_id,
    zone_id: due.zone_id,
    occurred_at: now,
    received_at: now,
    source: 'engine',
    actor: 'service:engine',
    correlation_id: effects.newId(),
    data: {},
  }
  const value = Buffer.from(JSON.stringify(event))
  const { offset } = await effects.send('operations', { partition: owner.partition, key: due.zone_id, value })
  owner.ticked_at = offset
}
