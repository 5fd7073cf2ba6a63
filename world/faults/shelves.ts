import type { LogState } from '../accounts_log.ts'

/**
 * Stock by plain bookkeeping over the log: what the events say and what the standing decisions say, added and subtracted here by
 * code that shares nothing with the engine. After every step that grants: 0 ≤ reserved ≤ on hand; whatever was refused for
 * stock was not there; and every reserved unit is resolved once.
 */
export interface Shelf {
  on_hand: number
  reserved: number
  safety: number
  /** what happened before was seen by whoever looked then, however late it is told */
  seen_at: number
}

export interface Shelves {
  /** `warehouse sku` → what lies there */
  shelves: Map<string, Shelf>
  granted_without_cover: string[]
  refused_with_cover: string[]
  /** orders decided twice, events applied twice, units resolved twice */
  doubled: string[]
  /** what is still reserved in an order or a hold that is over, and holds that nothing has ended */
  unresolved: string[]
  grants: number
}

type Json = Record<string, unknown>

interface Line {
  sku: string
  open: number
}

interface Part {
  fulfilment_id: string
  warehouse_id: string
  state: 'reserved' | 'picking' | 'over'
  lines: Map<string, Line>
}

interface Book {
  result: Shelves
  /** order or hold → its parts */
  parts: Map<string, Part[]>
  over: Set<string>
}

export function keepShelves(log: LogState): Shelves {
  const result: Shelves = {
    shelves: new Map(),
    granted_without_cover: [],
    refused_with_cover: [],
    doubled: [],
    unresolved: [],
    grants: 0,
  }
  const book: Book = { result, parts: new Map(), over: new Set() }
  for (const [partition, messages] of log.operations.entries()) {
    const seen = new Set<string>()
    for (const { offset, value } of messages ?? []) {
      const at = `${partition}/${offset}`
      if (log.dead.has(`operations/${at}`)) continue
      const event = parse(value)
      const decisions = JSON.parse(log.published.get(at) ?? '[]') as Json[]
      if (seen.has(String(event.event_id))) {
        if (decisions.length > 0) result.doubled.push(`operations/${at} repeats an event and was decided once more`)
        continue
      }
      seen.add(String(event.event_id))
      takeStep(book, at, event, decisions)
    }
  }
  findUnresolved(book)
  return result
}

function parse(value: Buffer | null): Json {
  try {
    return JSON.parse(value?.toString() ?? '') as Json
  } catch {
    return {}
  }
}

const fieldsOf = (value: unknown): Json => (typeof value === 'object' && value !== null ? (value as Json) : {})
const namesOf = (value: unknown): string[] => (Array.isArray(value) ? (value as string[]) : [])
const listOf = (value: unknown): Json[] => (Array.isArray(value) ? (value as Json[]) : [])

function shelfOf(book: Book, warehouse_id: unknown, sku: unknown): Shelf {
  const key = `${warehouse_id} ${sku}`
  let shelf = book.result.shelves.get(key)
  if (!shelf) {
    shelf = { on_hand: 0, reserved: 0, safety: 0, seen_at: 0 }
    book.result.shelves.set(key, shelf)
  }
  return shelf
}

// ── A step ──────────────────────────────────────────────────────────────────────────────────────────────────────────

function takeStep(book: Book, at: string, event: Json, decisions: readonly Json[]): void {
  const data = fieldsOf(event.data)
  takeEvent(book, at, { type: String(event.type), told_at: Number(event.occurred_at) }, data)
  const granted = new Set<string>()
  for (const decision of decisions) takeDecision(book, at, { type: String(event.type), decision, granted })
  for (const key of granted) {
    const shelf = book.result.shelves.get(key)
    if (shelf && shelf.reserved >= 0 && shelf.reserved <= shelf.on_hand) continue
    const has = `${shelf?.on_hand} on hand and ${shelf?.reserved} reserved`
    book.result.granted_without_cover.push(`operations/${at} granted of ${key}, which then has ${has}`)
  }
}

function takeEvent(book: Book, at: string, { type, told_at }: { type: string; told_at: number }, data: Json): void {
  const came = (quantity: unknown) => move(shelfOf(book, data.warehouse_id, data.sku), Number(quantity), told_at)
  if (type === 'stock.received') came(data.quantity)
  if (type === 'stock.adjusted') came(data.delta)
  if (type === 'stock.put_back' && data.condition === 'sellable') came(data.quantity)
  if (type !== 'line.picked') return
  const part = partOf(book, data)
  const line = part?.lines.get(String(data.line_id))
  if (part && line) take(book, at, part, line, Number(data.quantity), told_at)
}

/** A shelf cannot hold less than nothing. */
function move(shelf: Shelf, delta: number, told_at: number): void {
  if (told_at >= shelf.seen_at) shelf.on_hand = Math.max(0, shelf.on_hand + delta)
}

function take(book: Book, at: string, part: Part, line: Line, quantity: number, told_at: number): void {
  resolve(book, at, part, line, quantity)
  move(shelfOf(book, part.warehouse_id, line.sku), -quantity, told_at)
}

function resolve(book: Book, at: string, part: Part, line: Line, quantity: number): void {
  line.open -= quantity
  shelfOf(book, part.warehouse_id, line.sku).reserved -= quantity
  if (line.open < 0) {
    book.result.doubled.push(`operations/${at} resolves more of ${part.fulfilment_id} ${line.sku} than was granted`)
  }
}

const partOf = (book: Book, { order_id, fulfilment_id }: Json): Part | undefined =>
  book.parts.get(String(order_id))?.find(part => part.fulfilment_id === fulfilment_id)

// ── Decisions ───────────────────────────────────────────────────────────────────────────────────────────────────────

interface Decided {
  /** of the event */
  type: string
  decision: Json
  /** `warehouse sku` of everything this step has granted */
  granted: Set<string>
}

function takeDecision(book: Book, at: string, decided: Decided): void {
  const { decision } = decided
  const { order_id, hold_id } = decision as { order_id?: string; hold_id?: string }
  switch (decision.type) {
    case 'order.routed':
      takeRouted(book, at, decided)
      return
    case 'order.rerouted':
      for (const fulfilment_id of namesOf(decision.replaced))
        release(book, at, partOf(book, { order_id, fulfilment_id }))
      grant(book, String(order_id), decided)
      return
    case 'order.rejected':
      takeRejected(book, at, decision)
      return
    case 'order.cancelled':
      takeCancelled(book, at, String(order_id))
      return
    case 'order.shortened':
    case 'order.substituted':
      takeLess(book, at, decided)
      return
    case 'order.picking':
    case 'order.packed': {
      const part = partOf(book, decision)
      if (part) part.state = decision.type === 'order.picking' ? 'picking' : 'over'
      return
    }
    case 'hold.granted':
      grant(book, `hold ${hold_id}`, decided)
      return
    case 'hold.released':
    case 'hold.expired':
      endHold(book, at, hold_id)
      return
    case 'stock.corrected': {
      const shelf = shelfOf(book, decision.warehouse_id, decision.sku)
      shelf.on_hand = Number(decision.on_hand)
      shelf.seen_at = Number(decision.as_of)
      shelf.safety = Number(decision.safety)
    }
  }
}

function takeRouted(book: Book, at: string, decided: Decided): void {
  const { order_id, hold_id } = decided.decision
  if (book.parts.has(String(order_id)) || book.over.has(String(order_id)))
    book.result.doubled.push(`operations/${at} routes ${order_id} for a second time`)
  if (hold_id !== undefined) endHold(book, at, hold_id)
  grant(book, String(order_id), decided)
}

function endHold(book: Book, at: string, hold_id: unknown): void {
  for (const part of book.parts.get(`hold ${hold_id}`) ?? []) release(book, at, part)
  book.over.add(`hold ${hold_id}`)
}

function grant(book: Book, name: string, { decision, granted }: Decided): void {
  const parts = book.parts.get(name) ?? []
  book.parts.set(name, parts)
  for (const given of listOf(decision.fulfilments)) {
    const part: Part = {
      fulfilment_id: String(given.fulfilment_id),
      warehouse_id: String(given.warehouse_id),
      state: 'reserved',
      lines: new Map(),
    }
    for (const { line_id, sku, quantity } of listOf(given.lines)) {
      part.lines.set(String(line_id), { sku: String(sku), open: Number(quantity) })
      reserve(book, `${part.warehouse_id} ${sku}`, Number(quantity), granted)
    }
    parts.push(part)
  }
}

function reserve(book: Book, key: string, quantity: number, granted: Set<string>): void {
  const [warehouse_id, sku] = key.split(' ')
  shelfOf(book, warehouse_id, sku).reserved += quantity
  granted.add(key)
  book.result.grants++
}

function release(book: Book, at: string, part: Part | undefined): void {
  if (!part) return
  for (const line of part.lines.values()) if (line.open > 0) resolve(book, at, part, line, line.open)
  part.state = 'over'
}

/** Before picking everything is free again; what may lie in a bag counts as taken until a person puts it back. */
function takeCancelled(book: Book, at: string, order_id: string): void {
  if (book.over.has(order_id)) book.result.doubled.push(`operations/${at} ends ${order_id} for a second time`)
  for (const part of book.parts.get(order_id) ?? []) {
    if (part.state === 'reserved') release(book, at, part)
    for (const line of part.lines.values()) {
      if (part.state === 'picking' && line.open > 0) take(book, at, part, line, line.open, Number.POSITIVE_INFINITY)
    }
    part.state = 'over'
  }
  book.over.add(order_id)
}

function takeLess(book: Book, at: string, { decision, granted }: Decided): void {
  const part = partOf(book, decision)
  const line = part?.lines.get(String(decision.line_id))
  if (!part || !line) return
  if (decision.type === 'order.shortened') {
    resolve(book, at, part, line, Number(decision.quantity_before) - Number(decision.quantity))
    return
  }
  const quantity = Number(decision.quantity)
  const sku = String(decision.substitute_sku)
  resolve(book, at, part, line, quantity)
  part.lines.set(String(decision.substitute_line_id), { sku, open: quantity })
  reserve(book, `${part.warehouse_id} ${sku}`, quantity, granted)
}

/** Refused for stock: then the line that is named was not to be had at that warehouse at that moment. */
function takeRejected(book: Book, at: string, decision: Json): void {
  const order_id = String(decision.order_id)
  if (book.over.has(order_id)) book.result.doubled.push(`operations/${at} ends ${order_id} for a second time`)
  book.over.add(order_id)
  for (const part of book.parts.get(order_id) ?? []) release(book, at, part)
  const lines = listOf(fieldsOf(decision.order).lines)
  for (const { warehouse_id, refused, line_id } of listOf(decision.candidates)) {
    if (refused !== 'out_of_stock') continue
    const asked = lines.filter(line => line_id === undefined || line.line_id === line_id)
    const covered = asked.every(({ sku, quantity }) => {
      const { on_hand, reserved, safety } = shelfOf(book, warehouse_id, sku)
      return on_hand - reserved - safety >= Number(quantity)
    })
    if (covered && asked.length > 0)
      book.result.refused_with_cover.push(`operations/${at} refused ${order_id} at ${warehouse_id}, which had it`)
  }
}

// ── The end ─────────────────────────────────────────────────────────────────────────────────────────────────────────

function findUnresolved(book: Book): void {
  for (const name of book.parts.keys()) {
    if (name.startsWith('hold ') && !book.over.has(name)) book.result.unresolved.push(`${name} was never ended`)
  }
  for (const name of book.over) {
    for (const part of book.parts.get(name) ?? []) {
      for (const { sku, open } of part.lines.values()) {
        if (open !== 0) book.result.unresolved.push(`${name} is over and has ${open} of ${sku} reserved`)
      }
    }
  }
}
