import { type Static, Type } from 'typebox'
import { CourierId, OrderId, Point, WarehouseId } from './envelope.ts'

export const NoteTone = Type.Union([
  Type.Literal('good'),
  Type.Literal('plain'),
  Type.Literal('warn'),
  Type.Literal('bad'),
])

/**
 * A line of the shift log, and what it is about. It stays in the log for ever and goes to everybody who looks on: nobody's
 * name, phone number or address belongs in it, which no schema can check.
 */
export const Note = Type.Object({
  text: Type.String({ minLength: 1, maxLength: 200, pattern: '^\\S[^\\r\\n]*$', description: 'one plain sentence' }),
  tone: NoteTone,
  /** where it happened */
  point: Type.Optional(Point),
  warehouse_id: Type.Optional(WarehouseId),
  order_id: Type.Optional(OrderId),
  courier_id: Type.Optional(CourierId),
})
export type Note = Static<typeof Note>

/** On the topic `deliveries`, beside the trips: written by dispatch through its outbox. It changes nothing. */
export const note_events = {
  'note.posted': Type.Object({ note_id: Type.String({ minLength: 36, maxLength: 36 }), ...Note.properties }),
}
