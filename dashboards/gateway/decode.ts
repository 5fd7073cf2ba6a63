import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import type { CourierEvent, DeliveryEvent } from '../../ingest/contract.ts'
import { courier_events } from '../../ingest/events/couriers.ts'
import { DecisionRecord, type DecisionsRecord, OwnerMarker } from '../../ingest/events/decisions.ts'
import { delivery_events } from '../../ingest/events/deliveries.ts'
import { Envelope, type Family, SCHEMA_VERSION } from '../../ingest/events/envelope.ts'

/**
 * Bytes of the log to what the picture folds. Tolerant as a reader must be: unknown fields pass, and what it cannot use is
 * null, to be counted and passed over (the engine and the loader say in dead-letters what is wrong with it).
 */

type Decoder<Value> = (bytes: Buffer | null) => Value | null

const owner = Compile(OwnerMarker)
const decided = Compile(DecisionRecord)

export const decodeDecisions: Decoder<DecisionsRecord> = bytes => {
  const value = readJson(bytes)
  if (owner.Check(value)) return value as DecisionsRecord
  return decided.Check(value) ? (value as DecisionsRecord) : null
}

export const decodeDelivery = eventDecoder<DeliveryEvent>(delivery_events)
export const decodeCourier = eventDecoder<CourierEvent>(courier_events)

function eventDecoder<Event>(family: Family): Decoder<Event> {
  const envelope = Compile(Envelope)
  const data = new Map(Object.entries(family).map(([type, schema]) => [type, Compile(schema as TSchema)]))
  return bytes => {
    const value = readJson(bytes)
    if (!envelope.Check(value) || value.schema_version !== SCHEMA_VERSION) return null
    const known = data.get(value.type)?.Check((value as { data?: unknown }).data) ?? false
    return known ? (value as Event) : null
  }
}

function readJson(bytes: Buffer | null): unknown {
  if (!bytes) return null
  try {
    return JSON.parse(bytes.toString())
  } catch {
    return null
  }
}
