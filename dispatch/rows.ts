import type { OrderId, TenantId } from '../ingest/events/envelope.ts'
import { AttemptView, MoveView, OrderView, ReturnView, TripView } from './contract.ts'

/** The book's rows as Postgres holds them: the same names as on the wire, and a little more. */

export type OrderRow = OrderView & {
  tenant_id: TenantId
  /** s after the first promise; negative: early */
  late_s: number | null
  changed_by: string
  correlation_id: string
}

export type TripRow = TripView & { tenant_id: TenantId; changed_by: string }

export interface HistoryRow {
  tenant_id: TenantId
  order_id: string
  at: number
  text: string
  actor: string | null
  correlation_id: string
  /** of the order after it; null: the order's row did not change */
  version: number | null
}

export type AttemptRow = AttemptView & { tenant_id: TenantId; order_id: OrderId; changed_by: string }

export type ReturnRow = ReturnView & { tenant_id: TenantId; changed_by: string }

export type MoveRow = MoveView & { tenant_id: TenantId }

function picked<View extends object>(names: readonly string[], row: View): View {
  const view: Record<string, unknown> = {}
  const given = row as Record<string, unknown>
  for (const name of names) view[name] = given[name]
  return view as View
}

const ORDER_FIELDS = Object.keys(OrderView.properties)
const TRIP_FIELDS = Object.keys(TripView.properties)
const ATTEMPT_FIELDS = Object.keys(AttemptView.properties)
const MOVE_FIELDS = Object.keys(MoveView.properties)
const RETURN_FIELDS = Object.keys(ReturnView.properties)

/** What the world may see of a row. */
export const orderView = (row: OrderView): OrderView => picked(ORDER_FIELDS, row)
export const tripView = (row: TripView): TripView => picked(TRIP_FIELDS, row)
export const attemptView = (row: AttemptView): AttemptView => picked(ATTEMPT_FIELDS, row)
export const returnView = (row: ReturnView): ReturnView => picked(RETURN_FIELDS, row)
export const moveView = (row: MoveView): MoveView => picked(MOVE_FIELDS, row)
