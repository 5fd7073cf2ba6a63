/**
 * The lives of what the fold keeps, each complete by type: every state says what every event makes of it. `admit` asks them
 * whether an event can mean anything, `evolve` which state comes next.
 */

/** repeat: it is so already, a duplicate · illegal: it cannot be, a dead letter */
export type Refusal = 'repeat' | 'illegal'
type Life<State extends string, Happening extends string> = Record<State, Record<Happening, State | Refusal>>

export const isRefusal = (next: string): next is Refusal => next === 'repeat' || next === 'illegal'

/**
 *   placed ──► routed ──► packed ──► cancelled      (packed may still be cancelled: its goods are to be put back)
 *      │          └──────────────────────▲
 *      ├► rejected
 *      └► offered      to a neighbouring zone, which decides; whoever cancels it here is sent after it
 */
export type OrderStateName = 'routed' | 'packed' | 'rejected' | 'offered' | 'cancelled'
export type OrderHappening = 'change' | 'pick' | 'reroute' | 'pack' | 'cancel'
export const ORDER_LIFE: Life<OrderStateName, OrderHappening> = {
  routed: { change: 'routed', pick: 'routed', reroute: 'routed', pack: 'packed', cancel: 'cancelled' },
  packed: { change: 'packed', pick: 'illegal', reroute: 'illegal', pack: 'illegal', cancel: 'cancelled' },
  rejected: { change: 'repeat', pick: 'illegal', reroute: 'illegal', pack: 'illegal', cancel: 'repeat' },
  offered: { change: 'illegal', pick: 'illegal', reroute: 'illegal', pack: 'illegal', cancel: 'offered' },
  cancelled: { change: 'repeat', pick: 'illegal', reroute: 'illegal', pack: 'illegal', cancel: 'repeat' },
}

/**
 *   reserved ──► picking ──► packed ──► cancelled      cancelling frees what is reserved, and nothing later
 *      │  └─────────┴──────────────────────▲
 *      └► replaced                                     its goods are reserved elsewhere
 */
export type FulfilmentStateName = 'reserved' | 'picking' | 'packed' | 'replaced' | 'cancelled'
export type FulfilmentHappening = 'start' | 'revise' | 'line' | 'pack' | 'reroute' | 'cancel'
export const FULFILMENT_LIFE: Life<FulfilmentStateName, FulfilmentHappening> = {
  reserved: {
    start: 'picking',
    revise: 'reserved',
    line: 'illegal',
    pack: 'illegal',
    reroute: 'replaced',
    cancel: 'cancelled',
  },
  picking: {
    start: 'illegal',
    revise: 'picking',
    line: 'picking',
    pack: 'packed',
    reroute: 'illegal',
    cancel: 'cancelled',
  },
  packed: {
    start: 'illegal',
    revise: 'illegal',
    line: 'illegal',
    pack: 'illegal',
    reroute: 'illegal',
    cancel: 'cancelled',
  },
  replaced: {
    start: 'illegal',
    revise: 'illegal',
    line: 'illegal',
    pack: 'illegal',
    reroute: 'illegal',
    cancel: 'replaced',
  },
  cancelled: {
    start: 'illegal',
    revise: 'illegal',
    line: 'illegal',
    pack: 'illegal',
    reroute: 'illegal',
    cancel: 'cancelled',
  },
}

/**
 *   asked ──► granted ──► confirmed     its goods are the order's
 *     │          ├──────► released      by the caller, or because the goods are not there any more
 *     │          └──────► expired       by itself
 *     └► refused
 *
 * Confirming a hold that has ended leaves it as it is: the order is tried on its own.
 */
export type HoldStateName = 'granted' | 'refused' | 'released' | 'expired' | 'confirmed'
export type HoldHappening = 'ask' | 'confirm' | 'release' | 'expire'
export const HOLD_LIFE: Life<HoldStateName, HoldHappening> = {
  granted: { ask: 'repeat', confirm: 'confirmed', release: 'released', expire: 'expired' },
  refused: { ask: 'repeat', confirm: 'refused', release: 'repeat', expire: 'illegal' },
  released: { ask: 'repeat', confirm: 'released', release: 'repeat', expire: 'illegal' },
  expired: { ask: 'repeat', confirm: 'expired', release: 'repeat', expire: 'illegal' },
  confirmed: { ask: 'repeat', confirm: 'confirmed', release: 'illegal', expire: 'illegal' },
}

/**
 *   sent ──► in_transit ──► received      on the shelf there, with what was really in it
 *                  └──────► cancelled     back on the shelf here
 */
export type TransferStateName = 'in_transit' | 'received' | 'cancelled'
export type TransferHappening = 'send' | 'receive' | 'cancel'
export const TRANSFER_LIFE: Life<TransferStateName, TransferHappening> = {
  in_transit: { send: 'repeat', receive: 'received', cancel: 'cancelled' },
  received: { send: 'repeat', receive: 'repeat', cancel: 'illegal' },
  cancelled: { send: 'repeat', receive: 'illegal', cancel: 'repeat' },
}
