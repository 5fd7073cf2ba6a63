import { partitionOf } from '../../ingest/contract.ts'
import { cellOf } from '../../ingest/events/geo.ts'
import type { Draw } from '../simulated_log.ts'

/** A seeded source of events of a few couriers whose ids all lie in one partition; some late, repeated or broken. */
export function newCouriers(draw: Draw, at: { partition: number; partitions: number; zone_id: string }) {
  const ids = Array.from({ length: 400 }, (_, number) => `k${number}`)
    .filter(id => partitionOf(id, at.partitions) === at.partition)
    .slice(0, 6)
  let last: Buffer | null = null

  function dataOf(courier_id: string): { type: string; data: object } {
    const point = { lat: 41.9 + 0.0005 * draw.below(100), lng: -87.65 + 0.0005 * draw.below(100) }
    const roll = draw.below(20)
    if (roll < 14) return { type: 'courier.moved', data: { courier_id, point, cell: cellOf(point) } }
    if (roll < 16) {
      const state = draw.chance(0.5) ? 'available' : 'break'
      return { type: 'state.changed', data: { courier_id, state } }
    }
    if (roll < 17) return { type: 'shift.ended', data: { courier_id } }
    const bag = { vehicle: 'bicycle', capacity: 2, has: [] }
    return { type: 'shift.started', data: { courier_id, point, cell: cellOf(point), ...bag } }
  }

  return {
    /** `now`: wall ms; `event_id`: a fresh one. Returns key and value. */
    next(now: number, event_id: string): { key: string; value: Buffer } {
      const courier_id = draw.pick(ids) ?? 'k0'
      if (last && draw.chance(0.05)) return { key: courier_id, value: last }
      if (draw.chance(0.02)) return { key: courier_id, value: Buffer.from('{"half":') }
      const late_ms = draw.chance(0.1) ? draw.below(600_000) : 0
      const event = {
        event_id,
        schema_version: 1,
        tenant_id: 'demo',
        zone_id: at.zone_id,
        occurred_at: now - late_ms,
        received_at: now,
        source: 'simulation',
        actor: `courier:${courier_id}`,
        correlation_id: event_id,
        ...dataOf(courier_id),
      }
      last = Buffer.from(JSON.stringify(event))
      return { key: courier_id, value: last }
    },
  }
}
