import type { OperationsEvent } from '../../ingest/contract.ts'
import type { Decision, DecisionOf, FulfilmentPart } from '../../ingest/events/decisions.ts'
import type { EventOfType } from '../state.ts'
import { must } from './must.ts'

/**
 * Independent accounts of stock, reservations and orders, kept from events and decisions alone and sharing nothing with the
 * fold: every unit that is granted is resolved once (I3), every order lives by the table below (I2).
 */
export interface Books {
  /** (warehouse SKU) → what should be on hand, reserved and kept back there */
  stock: Map<string, Level>
  /** Books one event that was folded in, and what was decided about it. Returns what it changed and what it granted. */
  book(event: OperationsEvent, decisions: readonly Decision[], time: number): Booked
  orders: ReadonlyMap<string, Order>
  parts: ReadonlyMap<string, Part>
}

export interface Level {
  on_hand: number
  reserved: number
  safety: number
  in_transit: number
  /** when somebody last looked at the shelf */
  seen_at: number
  suspended_until: number
}

export interface Booked {
  changed: Set<string>
  granted: Set<string>
}

interface Line {
  sku: string
  granted: number
  picked: number
  /** short, released or expired */
  given_up: number
}

interface Part {
  warehouse_id: string
  state: 'reserved' | 'picking' | 'ended'
  lines: Map<string, Line>
}

type Life = 'routed' | 'packed' | 'rejected' | 'cancelled' | 'offered'

interface Order {
  state: Life
  attempt: number
  parts: string[]
  first_deliver_by: number
}

interface Transfer {
  state: 'in_transit' | 'received' | 'cancelled'
  from: string
  to: string
  lines: { sku: string; quantity: number }[]
}

interface Hold {
  state: 'granted' | 'refused' | 'released' | 'expired' | 'confirmed'
  parts: string[]
  announced_until: number
}

/** Which decisions an order may meet in which state. `none`: it is not known. All others would be illegal. */
const MAY: Record<Life | 'none', ReadonlySet<string>> = {
  none: new Set(['order.routed', 'order.rejected', 'order.offered']),
  routed: new Set([
    'order.rerouted',
    'order.shortened',
    'order.substituted',
    'order.picking',
    'order.revised',
    'order.packed',
    'order.part_dropped',
    'order.cancelled',
    'promise.changed',
  ]),
  // What lies packed may still be called back, once.
  packed: new Set(['order.cancelled']),
  rejected: new Set(),
  cancelled: new Set(),
  // The neighbour decides; a customer who cancels here is only passed on.
  offered: new Set(['order.cancel_passed']),
}

const open = (line: Line): number => line.granted - line.picked - line.given_up
export const placeName = (warehouse_id: string, sku: string): string => `${warehouse_id} ${sku}`

/** What is announced of a hold ends so much before what is true (DESIGN 4). */
const HOLD_MARGIN_MS = 5_000

export function newBooks(): Books {
  const stock = new Map<string, Level>()
  const orders = new Map<string, Order>()
  const parts = new Map<string, Part>()
  const holds = new Map<string, Hold>()
  const transfers = new Map<string, Transfer>()
  /** of the event that is booked, never ahead of the fold's time */
  let happened_at = 0
  let booked: Booked = { changed: new Set(), granted: new Set() }

  function levelOf(warehouse_id: string, sku: string): Level {
    const name = placeName(warehouse_id, sku)
    booked.changed.add(name)
    let level = stock.get(name)
    if (!level) {
      level = { on_hand: 0, reserved: 0, safety: 0, in_transit: 0, seen_at: 0, suspended_until: 0 }
      stock.set(name, level)
    }
    return level
  }

  /** What would go below nothing stops there, and who looked at the shelf later has seen it already. */
  function move({ warehouse_id, sku }: { warehouse_id: string; sku: string }, delta: number): void {
    const level = levelOf(warehouse_id, sku)
    if (happened_at >= level.seen_at) level.on_hand = Math.max(0, level.on_hand + delta)
  }

  function grant(part: FulfilmentPart): string {
    must(!parts.has(part.fulfilment_id), () => `I3: ${part.fulfilment_id} is granted twice`)
    const lines = new Map<string, Line>()
    for (const { line_id, sku, quantity } of part.lines) {
      must(!lines.has(line_id) && quantity > 0, () => `I3: line ${line_id} of ${part.fulfilment_id} is granted twice`)
      lines.set(line_id, { sku, granted: quantity, picked: 0, given_up: 0 })
      levelOf(part.warehouse_id, sku).reserved += quantity
      booked.granted.add(placeName(part.warehouse_id, sku))
    }
    parts.set(part.fulfilment_id, { warehouse_id: part.warehouse_id, state: 'reserved', lines })
    return part.fulfilment_id
  }

  function resolve(part_id: string, line_id: string, how: 'picked' | 'given_up', quantity: number): void {
    const part = parts.get(part_id)
    const line = part?.lines.get(line_id)
    must(part && line, () => `I3: ${part_id} ${line_id} is resolved and was never granted`)
    if (!part || !line) return
    must(part.state !== 'ended', () => `I3: ${part_id} ${line_id} is resolved after its end`)
    must(
      quantity >= 0 && quantity <= open(line),
      () => `I3: ${quantity} of ${part_id} ${line_id} are resolved, ${open(line)} are open`,
    )
    line[how] += quantity
    levelOf(part.warehouse_id, line.sku).reserved -= quantity
    if (how === 'picked') move({ warehouse_id: part.warehouse_id, sku: line.sku }, -quantity)
  }

  function end(part_id: string, how: 'picked' | 'given_up'): void {
    const part = parts.get(part_id)
    if (!part || part.state === 'ended') return
    for (const [line_id, line] of part.lines) resolve(part_id, line_id, how, open(line))
    part.state = 'ended'
  }

  function live(decision: { type: string; order_id: string }): Order {
    const order = orders.get(decision.order_id)
    const state = order?.state ?? 'none'
    must(MAY[state].has(decision.type), () => `I2: ${decision.type} of order ${decision.order_id}, which is ${state}`)
    return order ?? { state: 'rejected', attempt: 0, parts: [], first_deliver_by: 0 }
  }

  function openOrder(decision: DecisionOf<'order.routed'>): void {
    live(decision)
    if (decision.hold_id) endHold(decision.hold_id, 'confirmed')
    orders.set(decision.order_id, {
      state: 'routed',
      attempt: decision.attempt,
      parts: decision.fulfilments.map(grant),
      first_deliver_by: decision.promise.deliver_by,
    })
  }

  function reroute(decision: DecisionOf<'order.rerouted'>): void {
    const order = live(decision)
    must(decision.attempt === order.attempt + 1, () => `I2: attempt ${decision.attempt} after ${order.attempt}`)
    order.attempt = decision.attempt
    for (const part_id of decision.replaced) {
      must(parts.get(part_id)?.state === 'reserved', () => `I2: ${part_id} is taken away, and is not just reserved`)
      end(part_id, 'given_up')
    }
    order.parts.push(...decision.fulfilments.map(grant))
  }

  /** After picking began nothing is free again: what may lie in a bag counts as taken. */
  function cancel(decision: DecisionOf<'order.cancelled'>, time: number): void {
    const order = live(decision)
    happened_at = time
    for (const part_id of order.parts) end(part_id, parts.get(part_id)?.state === 'picking' ? 'picked' : 'given_up')
    order.state = 'cancelled'
  }

  function pack(decision: DecisionOf<'order.packed'>): void {
    const order = live(decision)
    const part = parts.get(decision.fulfilment_id)
    must(part?.state === 'picking', () => `I2: ${decision.fulfilment_id} is packed, and was ${part?.state}`)
    for (const line of part?.lines.values() ?? []) {
      must(open(line) === 0, () => `I3: ${decision.fulfilment_id} is packed with ${open(line)} ${line.sku} open`)
    }
    if (part) part.state = 'ended'
    if (order.parts.every(part_id => parts.get(part_id)?.state === 'ended')) order.state = 'packed'
  }

  function dropPart(decision: DecisionOf<'order.part_dropped'>): void {
    const order = live(decision)
    const part = parts.get(decision.fulfilment_id)
    must(part && part.state !== 'ended', () => `I2: ${decision.fulfilment_id} is dropped after its end`)
    for (const line of part?.lines.values() ?? []) {
      must(
        open(line) === 0 && line.picked === 0,
        () => `I3: ${decision.fulfilment_id} is dropped with ${line.sku} in it`,
      )
    }
    if (part) part.state = 'ended'
    if (order.parts.every(part_id => parts.get(part_id)?.state === 'ended')) order.state = 'packed'
  }

  function substitute(decision: DecisionOf<'order.substituted'>): void {
    live(decision)
    const { fulfilment_id, line_id, substitute_line_id, substitute_sku, quantity, warehouse_id } = decision
    resolve(fulfilment_id, line_id, 'given_up', quantity)
    const lines = parts.get(fulfilment_id)?.lines
    must(!lines?.has(substitute_line_id), () => `I3: line ${substitute_line_id} is granted twice`)
    lines?.set(substitute_line_id, { sku: substitute_sku, granted: quantity, picked: 0, given_up: 0 })
    levelOf(warehouse_id, substitute_sku).reserved += quantity
    booked.granted.add(placeName(warehouse_id, substitute_sku))
  }

  function endHold(hold_id: string, how: 'released' | 'expired' | 'confirmed'): void {
    const hold = holds.get(hold_id)
    must(hold?.state === 'granted', () => `I3: hold ${hold_id} is ${how}, and was ${hold?.state ?? 'never asked for'}`)
    if (!hold) return
    for (const part_id of hold.parts) end(part_id, 'given_up')
    hold.state = how
  }

  function startHold(hold_id: string, state: 'granted' | 'refused', parts: string[], announced_until: number): void {
    must(!holds.has(hold_id), () => `I3: hold ${hold_id} is answered twice`)
    holds.set(hold_id, { state, parts, announced_until })
  }

  function send({ transfer_id, warehouse_id, to_warehouse_id, lines }: EventOfType<'transfer.sent'>['data']): void {
    must(!transfers.has(transfer_id), () => `transfer ${transfer_id} is sent twice`)
    transfers.set(transfer_id, { state: 'in_transit', from: warehouse_id, to: to_warehouse_id, lines })
    for (const { sku, quantity } of lines) {
      move({ warehouse_id, sku }, -quantity)
      levelOf(to_warehouse_id, sku).in_transit += quantity
    }
  }

  function arrive(transfer_id: string, state: 'received' | 'cancelled'): Transfer | undefined {
    const transfer = transfers.get(transfer_id)
    must(transfer?.state === 'in_transit', () => `transfer ${transfer_id} is ${state}, and was ${transfer?.state}`)
    if (!transfer) return undefined
    transfer.state = state
    for (const { sku, quantity } of transfer.lines) levelOf(transfer.to, sku).in_transit -= quantity
    return transfer
  }

  function receive({ transfer_id, lines = [] }: EventOfType<'transfer.received'>['data']): void {
    const transfer = arrive(transfer_id, 'received')
    if (!transfer) return
    const come = new Map(transfer.lines.map(({ sku, quantity }) => [sku, quantity]))
    for (const { sku, quantity } of lines) come.set(sku, quantity)
    for (const [sku, quantity] of come) move({ warehouse_id: transfer.to, sku }, quantity)
  }

  function callBack(transfer_id: string): void {
    const transfer = arrive(transfer_id, 'cancelled')
    for (const { sku, quantity } of transfer?.lines ?? []) move({ warehouse_id: transfer?.from ?? '', sku }, quantity)
  }

  function bookDecision(decision: Decision, time: number): void {
    switch (decision.type) {
      case 'order.routed':
        openOrder(decision)
        return
      case 'order.rejected':
        live(decision)
        orders.set(decision.order_id, { state: 'rejected', attempt: 1, parts: [], first_deliver_by: 0 })
        return
      case 'order.offered':
        live(decision)
        orders.set(decision.order_id, { state: 'offered', attempt: 1, parts: [], first_deliver_by: 0 })
        return
      case 'order.cancel_passed':
      case 'order.revised':
        live(decision)
        return
      case 'order.part_dropped':
        dropPart(decision)
        return
      case 'order.rerouted':
        reroute(decision)
        return
      case 'order.cancelled':
        cancel(decision, time)
        return
      case 'order.shortened':
        live(decision)
        resolve(decision.fulfilment_id, decision.line_id, 'given_up', decision.quantity_before - decision.quantity)
        return
      case 'order.substituted':
        substitute(decision)
        return
      case 'order.picking': {
        live(decision)
        const part = parts.get(decision.fulfilment_id)
        must(part?.state === 'reserved', () => `I2: picking of ${decision.fulfilment_id}, which is ${part?.state}`)
        if (part) part.state = 'picking'
        return
      }
      case 'order.packed':
        pack(decision)
        return
      case 'promise.changed': {
        const { first_deliver_by } = live(decision)
        must(decision.first_deliver_by === first_deliver_by, () => `the first promise of ${decision.order_id} changed`)
        return
      }
      case 'hold.granted':
        startHold(decision.hold_id, 'granted', decision.fulfilments.map(grant), decision.expires_at)
        return
      case 'hold.refused':
        startHold(decision.hold_id, 'refused', [], 0)
        return
      case 'hold.expired': {
        const until = (holds.get(decision.hold_id)?.announced_until ?? 0) + HOLD_MARGIN_MS
        must(time >= until, () => `hold ${decision.hold_id} ended at ${time}, before ${until}`)
        endHold(decision.hold_id, 'expired')
        return
      }
      case 'hold.released':
        endHold(decision.hold_id, 'released')
        return
      case 'stock.corrected': {
        const level = levelOf(decision.warehouse_id, decision.sku)
        level.on_hand = decision.on_hand
        level.safety = decision.safety
        level.seen_at = decision.as_of
        return
      }
      case 'stock.shortfall':
      case 'count.superseded':
      case 'travel.superseded':
        return
    }
  }

  function bookEvent({ type, data }: OperationsEvent): void {
    switch (type) {
      case 'stock.adjusted':
        move(data, data.delta)
        return
      case 'stock.received':
        move(data, data.quantity)
        return
      case 'stock.put_back':
        if (data.condition === 'sellable') move(data, data.quantity)
        return
      case 'stock.safety_set':
        levelOf(data.warehouse_id, data.sku).safety = data.safety
        return
      case 'sku.suspended':
      case 'sku.resumed':
        levelOf(data.warehouse_id, data.sku).suspended_until =
          type === 'sku.resumed' ? 0 : (data.until ?? Number.POSITIVE_INFINITY)
        return
      case 'transfer.sent':
        send(data)
        return
      case 'transfer.received':
        receive(data)
        return
      case 'transfer.cancelled':
        callBack(data.transfer_id)
        return
      case 'line.picked':
        resolve(data.fulfilment_id, data.line_id, 'picked', data.quantity)
        return
      default:
        return
    }
  }

  /** An order that was asked for is routed, rejected or handed on in the same step. */
  function mustBeAnswered(order_id: string): void {
    must(orders.has(order_id), () => `I2: order ${order_id} was taken and not decided about`)
  }

  return {
    stock,
    orders,
    parts,
    book(event, decisions, time) {
      booked = { changed: new Set(), granted: new Set() }
      happened_at = Math.min(event.occurred_at, time)
      bookEvent(event)
      for (const decision of decisions) bookDecision(decision, time)
      if (event.type === 'order.placed') mustBeAnswered(event.data.order_id)
      if (event.type === 'hold.confirmed') mustBeAnswered(event.data.order.order_id)
      if (event.type === 'hold.asked')
        must(holds.has(event.data.hold_id), () => `hold ${event.data.hold_id} got no answer`)
      return booked
    },
  }
}
