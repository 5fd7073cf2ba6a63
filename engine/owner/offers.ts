import { partitionOf } from '../../ingest/contract.ts'
import type { Decision } from '../../ingest/events/decisions.ts'
import { SCHEMA_VERSION } from '../../ingest/events/envelope.ts'
import type { Owner } from '../owner.ts'
import type { Source, ZoneState } from '../state.ts'
import type { Offer } from '../worker/protocol.ts'
import type { OwnerEffects, OwnerSettings } from './effects.ts'

/**
 * What a zone says to its neighbours: an order that it offers over, and that the customer cancels it.
 *
 *   order.offered, acknowledged ─► is this still the newest owner? ─► order.offered_over in the neighbour's partition
 *                                        └ no: the newer owner says it, if the decision counts
 *
 * A new owner raises the epoch before it publishes its marker, so a decision that was acknowledged while ours was still the
 * newest lies before any later marker, and counts. Only such an offer may go out: the neighbour can't take it back. It goes out
 * again after a crash, from the adopted decision; the neighbour knows the order and drops the repeat.
 */

/** What follows for a neighbour from one decision, taken now or adopted; mostly nothing. */
export function offerOf(
  zone: ZoneState,
  { offset, event }: Pick<Source, 'offset' | 'event'>,
  decision: Decision,
): Offer | null {
  if (decision.type !== 'order.offered' && decision.type !== 'order.cancel_passed') return null
  const { tenant_id, correlation_id, event_id: causation_id } = event
  const head = { tenant_id, occurred_at: zone.time, correlation_id, causation_id }
  if (decision.type === 'order.offered') {
    const { to_zone_id, order, placed_at } = decision
    const data = { order, from_zone_id: zone.zone_id, source_offset: String(offset), placed_at }
    return { ...head, zone_id: to_zone_id, type: 'order.offered_over', data }
  }
  const { to_zone_id, order_id, reason } = decision
  return { ...head, zone_id: to_zone_id, type: 'order.cancel_asked', data: { order_id, reason } }
}

/** Above this the partition waits; Postgres must be asked before an offer may go out, and it may be away. */
const WAITING_MAX = 10_000
const RETRY_MS_MIN = 50
const RETRY_MS_MAX = 2_000

/** In order, behind those that wait already; the fold goes on meanwhile. */
export async function publishOffers(
  owner: Owner,
  offers: readonly Offer[],
  settings: OwnerSettings,
  effects: OwnerEffects,
): Promise<void> {
  if (offers.length === 0) return
  owner.offers_waiting += offers.length
  owner.offering = owner.offering
    .then(() => sendOffers(owner, offers, settings, effects))
    .then(() => {
      owner.offers_waiting -= offers.length
    })
  // Lost meanwhile: the newer owner says them.
  owner.offering.catch(() => undefined)
  if (owner.offers_waiting > WAITING_MAX) await owner.offering
}

/** Repeats until the log has them all. @throws when a newer owner is there */
async function sendOffers(
  owner: Owner,
  offers: readonly Offer[],
  settings: OwnerSettings,
  effects: OwnerEffects,
): Promise<void> {
  const { partition, epoch, ended } = owner
  let sent = 0
  for (let attempt = 1; ; attempt += 1) {
    try {
      if (!(await effects.isNewestOwner(partition, epoch))) break
      // All at once: one a round trip would be outrun by the fold, and no checkpoint may be written while offers wait.
      const sends = offers.slice(sent).map(offer => effects.send('operations', messageOf(offer, settings, effects)))
      const results = await Promise.allSettled(sends)
      const failed = results.findIndex(({ status }) => status === 'rejected')
      if (failed < 0) return
      sent += failed
      await sends[failed]
    } catch (error) {
      effects.log.warn({ err: error, partition, attempt }, 'offers to neighbouring zones wait')
    }
    if (ended.signal.aborted) break
    const wait_ms = Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** Math.min(attempt, 8))
    await effects.wait(wait_ms, ended.signal)
  }
  throw new Error(`partition ${partition} was lost before its offers went out`)
}

function messageOf(offer: Offer, { partitions }: OwnerSettings, effects: OwnerEffects) {
  const event = {
    event_id: effects.newId(),
    schema_version: SCHEMA_VERSION,
    received_at: effects.now_ms(),
    source: 'engine',
    actor: 'service:engine',
    ...offer,
  }
  const value = Buffer.from(JSON.stringify(event))
  return { partition: partitionOf(offer.zone_id, partitions), key: offer.zone_id, value }
}

/** A checkpoint must not lie behind an offer that is still to be sent. @returns false: not now */
export async function offersAreOut(owner: Owner, effects: OwnerEffects): Promise<boolean> {
  if (owner.offers_waiting === 0) return true
  await Promise.race([owner.offering.catch(() => undefined), effects.wait(CHECKPOINT_WAITS_MS, owner.ended.signal)])
  return owner.offers_waiting === 0
}
const CHECKPOINT_WAITS_MS = 500
