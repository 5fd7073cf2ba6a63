/** What somebody was told is done, as the load writes it down: what must be in the log whatever happened. */
export interface OrderAck {
  external_id: string
  order_id: string
  partition: number
  offset: number
}

export interface EventAck {
  event_id: string
  topic: 'operations' | 'couriers'
  partition: number
  offset: number
}

export interface LoadRecord {
  orders: OrderAck[]
  events: EventAck[]
  /** external ids whose first try was sent: those without an answer are in nobody's debt, but never placed twice */
  asked: number
  /** what a door refused although it should not have, the first twenty */
  refusals: string[]
  refused: number
  /** orders that were not sent because too many were without an answer */
  held_back: number
}

export const emptyRecord = (): LoadRecord => ({
  orders: [],
  events: [],
  asked: 0,
  refusals: [],
  refused: 0,
  held_back: 0,
})

const REFUSALS_KEPT = 20

export function noteRefusal(record: LoadRecord, what: string, answer: unknown): void {
  record.refused++
  if (record.refusals.length < REFUSALS_KEPT) record.refusals.push(`${what}: ${JSON.stringify(answer)}`.slice(0, 400))
}
