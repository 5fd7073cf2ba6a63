import { randomUUID } from 'node:crypto'
import type { CourierChoices, OrderView, PostNote } from '../../dispatch/contract.ts'
import type { Answer } from './call.ts'

/** Waggle's doors for those who run the evening: the shift log, and what dispatchers may. Part of Doors. */
export interface OpsDoors {
  note(note: PostNote): Promise<void>
  /** @returns false when it is so already */
  setPaused(warehouse_id: string, paused: boolean, reason: string): Promise<boolean>
  /** Whom an order could be given to; undefined: to nobody any more. */
  choices(order_id: string, dispatcher: string): Promise<CourierChoices | undefined>
  /** @returns the order as it is now; undefined: it changed since `version`, or cannot be any more (409) */
  reassign(
    order: { order_id: string; version: number },
    to: Reassign,
    dispatcher: string,
  ): Promise<OrderView | undefined>
}

export interface Reassign {
  courier_id: string
  reason: string
}

type Ask = (
  method: 'GET' | 'POST',
  url: string,
  body: unknown,
  actor: string,
  headers?: Record<string, string>,
) => Promise<Answer>

const CITY = 'partner:city'

/** A call that got no answer is made again: it must not be done twice. */
const key = () => ({ 'idempotency-key': randomUUID() })

/** @param done true when it was done, false for 409 and 404; anything else is kept as a refusal */
export function openOpsDoors(url: string, ask: Ask, done: (what: string, answer: Answer) => boolean): OpsDoors {
  return {
    async note(note) {
      done('note', await ask('POST', `${url}/v1/dispatch/notes`, note, CITY, key()))
    },
    async setPaused(warehouse_id, paused, reason) {
      const verb = paused ? 'pause' : 'resume'
      const actor = `warehouse:${warehouse_id}`
      return done(verb, await ask('POST', `${url}/v1/dispatch/warehouses/${warehouse_id}/${verb}`, { reason }, actor))
    },
    async choices(order_id, dispatcher) {
      const answer = await ask('GET', `${url}/v1/dispatch/orders/${order_id}/couriers`, undefined, dispatcher)
      return done('choices', answer) ? (answer.body as CourierChoices) : undefined
    },
    async reassign({ order_id, version }, to, dispatcher) {
      const path = `${url}/v1/dispatch/orders/${order_id}/reassign`
      const answer = await ask('POST', path, to, dispatcher, { 'if-match': `"${version}"`, ...key() })
      return done('reassign', answer) ? (answer.body as OrderView) : undefined
    },
  }
}
