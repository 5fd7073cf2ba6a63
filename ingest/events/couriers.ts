import { type Static, Type } from 'typebox'
import { Cell, CourierId, Point, Requirement, TimeMs, WarehouseId } from './envelope.ts'

export const Vehicle = Type.Union([
  Type.Literal('bicycle'),
  Type.Literal('scooter'),
  Type.Literal('car'),
  Type.Literal('foot'),
])

/** What a courier says of itself. What it is doing for us (trips) is dispatch's to say. */
export const CourierState = Type.Union([Type.Literal('available'), Type.Literal('break')])
export type CourierState = Static<typeof CourierState>

/** A courier gets no trip that would last into it. */
export const ShiftBreak = Type.Object({ from: TimeMs, to: TimeMs })
export type ShiftBreak = Static<typeof ShiftBreak>

export const courier_events = {
  'courier.moved': Type.Object({
    courier_id: CourierId,
    point: Point,
    cell: Cell,
    speed_mps: Type.Optional(Type.Number({ minimum: 0, maximum: 100 })),
    heading_deg: Type.Optional(Type.Number({ minimum: 0, maximum: 360 })),
  }),
  'shift.started': Type.Object({
    courier_id: CourierId,
    point: Point,
    cell: Cell,
    vehicle: Vehicle,
    capacity: Type.Integer({ minimum: 1, maximum: 100, description: 'orders at once' }),
    has: Type.Array(Requirement, { maxItems: 8, uniqueItems: true }),
    home_warehouse_id: Type.Optional(WarehouseId),
    ends_at: Type.Optional({
      ...TimeMs,
      description: 'when the shift is to end: the last door, or home, is reached by then',
    }),
    breaks: Type.Optional(Type.Array(ShiftBreak, { maxItems: 8, description: 'that are agreed on' })),
  }),
  'shift.ended': Type.Object({ courier_id: CourierId }),
  'state.changed': Type.Object({ courier_id: CourierId, state: CourierState }),
}
