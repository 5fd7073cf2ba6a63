import { expect, test } from 'vitest'
import type { Decision } from '../ingest/events/decisions.ts'
import { MOVEMENT_CAUSES, type Movement } from '../ingest/events/movements.ts'
import { type SimulatedMessage, SimulatedZone, zoneIn } from './simulated_log.ts'
import { newZone, type ZoneState } from './state.ts'
import { decodeOperation } from './worker/decode.ts'
import { step } from './zone.ts'

/** The movements of the log sum up to the state, after every step: nothing changes a level without saying so. */

const PARTITIONS = 8
const PARTITION = 3
const zone_id = zoneIn(PARTITION, PARTITIONS)

type Levels = Pick<Movement, 'on_hand' | 'reserved' | 'safety' | 'in_transit'>
type Ledger = Map<string, Levels>

function foldWithLedger(zone: ZoneState, ledger: Ledger, message: SimulatedMessage, adopted?: readonly Decision[]) {
  const decoded = decodeOperation(String(message.value), PARTITION, PARTITIONS)
  if ('reason' in decoded) return null
  const outcome = step(zone, { offset: 0, appended_at: message.appended_at, event: decoded.event }, adopted)
  if (!('movements' in outcome)) return null
  for (const movement of outcome.movements) book(ledger, movement)
  return outcome
}

function book(ledger: Ledger, movement: Movement): void {
  const name = `${movement.warehouse_id} ${movement.sku}`
  const levels = ledger.get(name) ?? { on_hand: 0, reserved: 0, safety: 0, in_transit: 0 }
  levels.on_hand += movement.on_hand
  levels.reserved += movement.reserved
  levels.safety += movement.safety
  levels.in_transit += movement.in_transit
  ledger.set(name, levels)
}

function compare(zone: ZoneState, ledger: Ledger, where: string): void {
  for (const [warehouse_id, { stock }] of zone.warehouses) {
    for (const [sku, is] of stock) {
      const { on_hand, reserved, safety, in_transit } = ledger.get(`${warehouse_id} ${sku}`) ?? NOTHING
      const same =
        is.on_hand === on_hand && is.reserved === reserved && is.safety === safety && is.in_transit === in_transit
      if (same) continue
      expect(is, `${where}: ${warehouse_id} ${sku}`).toMatchObject({ on_hand, reserved, safety, in_transit })
    }
  }
}
const NOTHING: Levels = { on_hand: 0, reserved: 0, safety: 0, in_transit: 0 }

const newState = (): ZoneState => newZone(zone_id as ZoneState['zone_id'], 'demo' as ZoneState['tenant_id'])

test('the movements sum up to the state after every step, and are the same when decisions are adopted', () => {
  const causes = new Set<string>()
  for (let seed = 1; seed <= 12; seed += 1) {
    const source = new SimulatedZone(zone_id, seed)
    const zone = newState()
    const ledger: Ledger = new Map()
    const adopting = newState()
    const adopted_ledger: Ledger = new Map()
    const log = source.opening()
    for (let offset = 0; offset < 1_500; offset += 1) {
      const message = log[offset] ?? source.next(zone)
      const outcome = foldWithLedger(zone, ledger, message)
      compare(zone, ledger, `seed ${seed} offset ${offset}`)
      for (const { cause } of outcome?.movements ?? []) causes.add(cause)
      const again = foldWithLedger(adopting, adopted_ledger, message, outcome?.decisions ?? [])
      if (outcome && outcome.movements.length > 0) expect(again?.movements).toEqual(outcome.movements)
      expect(zone.moved).toEqual([])
    }
  }
  expect([...causes].sort(), 'every cause came').toEqual(Object.keys(MOVEMENT_CAUSES).sort())
})
