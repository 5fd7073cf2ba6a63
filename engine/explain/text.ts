import { tableText } from '../command.ts'
import { clockText, dayText } from '../past/moment.ts'
import { openOf } from '../state.ts'
import type { DeliveryStep } from './find.ts'
import type { LifeStep, OrderLife } from './order.ts'
import { candidateRows, candidatesOf, tell } from './sentences.ts'
import type { Moved, StockAt, StockStory } from './stock.ts'

/** Explanations for a person. Pure. */

const indented = (text: string, by: string): string => text.replaceAll(/^/gm, by)

// ── An order ────────────────────────────────────────────────────────────────────────────────────────────────────────

export function lifeText(
  life: OrderLife,
  partition: number,
  deliveries: readonly DeliveryStep[],
  zone: string,
): string {
  const steps = [
    ...life.steps.map(step => ({ time: step.time, text: stepText(step, partition, zone) })),
    ...deliveries.map(step => ({ time: step.time, text: deliveryText(step, zone) })),
  ]
  steps.sort((a, b) => a.time - b.time)
  return [headText(life, partition, zone), ...steps.map(({ text }) => text), reservationsText(life)]
    .filter(text => text !== '')
    .join('\n\n')
}

function headText(
  { order_id, zone_id, tenant_id, request, state, steps, forgotten }: OrderLife,
  partition: number,
  zone: string,
) {
  const first = steps[0]
  const lines = [
    `order ${order_id} · zone ${zone_id} · tenant ${tenant_id} · operations/${partition}, times of ${zone}`,
  ]
  if (first) lines.push(`  first heard of ${dayText(first.time, zone)}, from ${first.event.actor}`)
  if (request) {
    const { lines: wanted, customer_ref, split, warehouse_id, deliver_between, on_shortfall } = request
    lines.push(`  asked for by ${customer_ref}:`)
    lines.push(
      indented(tableText(wanted.map(line => [line.line_id, line.sku, `${line.quantity} ${line.unit}`])), '    '),
    )
    const wishes = [
      split ? 'may be split' : '',
      warehouse_id ? `only from ${warehouse_id}` : '',
      deliver_between
        ? `between ${clockText(deliver_between.from, zone)} and ${clockText(deliver_between.to, zone)}`
        : '',
      `where something is missing: ${on_shortfall ?? 'shorten'}`,
    ]
    lines.push(`    ${wishes.filter(wish => wish !== '').join(' · ')}`)
  }
  if (state) {
    const promise =
      state.deliver_by === 0
        ? ''
        : `, promised by ${clockText(state.deliver_by, zone)}${state.first_deliver_by === state.deliver_by ? '' : ` (first ${clockText(state.first_deliver_by, zone)})`}`
    lines.push(`  now: ${state.state}, attempt ${state.attempt}${promise}`)
    if (forgotten)
      lines.push('  it ended more than 48 hours ago, so the engine has forgotten it; this is what it knew last')
  } else lines.push('  it never came to be an order: see below')
  return lines.join('\n')
}

function stepText(step: LifeStep, partition: number, zone: string): string {
  const { time, offset, event, outcome, decisions, reason, detail, hold } = step
  const at = (time_ms: number) => clockText(time_ms, zone)
  const late_s = Math.round((time - event.occurred_at) / 1_000)
  const late = late_s >= 60 ? `, happened at ${at(event.occurred_at)}` : ''
  const lines = [
    `${at(time)}  ${event.type}  (operations/${partition}/${offset}, by ${event.actor}${late})${dataText(step)}`,
  ]
  if (hold) lines.push(`          hold ${hold.hold_id} was ${hold.state}, to ${at(hold.expires_at)}`)
  if (outcome === 'dead') lines.push(`          dead letter: ${reason} (${detail})`)
  if (outcome === 'duplicate') lines.push('          a repeat: nothing happens')
  for (const decision of decisions ?? []) {
    lines.push(`          → ${tell(decision, at)}`)
    const candidates = candidatesOf(decision)
    if (candidates.length === 0) continue
    const winners = new Set('fulfilments' in decision ? decision.fulfilments.map(part => part.warehouse_id) : [])
    lines.push(indented(tableText(candidateRows(candidates, winners)), '              '))
  }
  if (decisions === null && outcome === 'ok')
    lines.push(
      '          nothing is published about this or anything later: the engine has not come here yet, or had nothing to decide',
    )
  return lines.join('\n')
}

/** The few fields that say what an event is about. */
function dataText({ event: { data } }: LifeStep): string {
  const told: string[] = []
  if ('fulfilment_id' in data) told.push(data.fulfilment_id)
  if ('line_id' in data) told.push(`line ${data.line_id}`)
  if ('quantity' in data) told.push('sku' in data ? `${data.quantity} ${data.sku}` : `${data.quantity}`)
  if ('condition' in data) told.push(`${data.condition} at ${data.warehouse_id}`)
  if ('substitute_sku' in data) told.push(`by ${data.substitute_sku}`)
  if ('reason' in data) told.push(`${data.reason}`)
  return told.length > 0 ? `: ${told.join(' · ')}` : ''
}

function deliveryText({ type, time, actor, data }: DeliveryStep, zone: string): string {
  const { trip_id, courier_id, reason, late_s } = data
  const told = [`trip ${trip_id}`, `courier ${courier_id}`]
  if (reason !== undefined) told.push(String(reason))
  if (typeof late_s === 'number') told.push(late_s > 0 ? `${late_s} s late` : `${-late_s} s before the promise`)
  return `${clockText(time, zone)}  ${type}  (deliveries, by ${actor}): ${told.join(' · ')}`
}

function reservationsText({ state }: OrderLife): string {
  if (!state || state.fulfilments.length === 0) return ''
  const head = [
    'fulfilment',
    'warehouse',
    'state',
    'line',
    'sku',
    'granted',
    'picked',
    'short',
    'released',
    'expired',
    'open',
  ]
  const rows = state.fulfilments.flatMap(({ fulfilment_id, warehouse_id, state: stands, lines }) =>
    lines.map(line => [
      fulfilment_id,
      warehouse_id,
      stands,
      line.line_id,
      line.sku,
      ...[line.granted, line.picked, line.short, line.released, line.expired, openOf(line)].map(String),
    ]),
  )
  return `reservations\n${indented(tableText([head, ...rows]), '  ')}`
}

// ── Stock ───────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface StockTold {
  zone_id: string
  partition: number
  /** last offset that is folded in; −1: none */
  offset: number
  /** of the zone there, business clock, ms */
  time: number
  /** first offset whose movements are in view; 0: all of them */
  since_offset: number
  story: StockStory
  at: StockAt
  /** what of the log behind the last published decision is in this state */
  undecided: number
}

export function stockText(
  { zone_id, partition, offset, time, since_offset, story, at, undecided }: StockTold,
  zone: string,
) {
  const { on_hand, reserved, safety, available, unit, in_transit, warehouse, stock } = at
  const state = [
    warehouse.paused ? 'paused' : 'open for orders',
    `mode ${warehouse.mode}`,
    `${warehouse.open_lines} lines to pick`,
    stock.suspended_until > time ? `the SKU is suspended until ${dayText(stock.suspended_until, zone)}` : '',
    stock.counted_as_of > 0 ? `counted as of ${dayText(stock.counted_as_of, zone)}` : 'never counted',
  ]
  const parts = [
    `${story.sku} at ${story.warehouse_id} (${warehouse.name}) · zone ${zone_id} · after operations/${partition}/${offset}, ${dayText(time, zone)} of ${zone}`,
    `  on hand ${on_hand} · reserved ${reserved} · kept back ${safety} · available ${available} ${unit}${in_transit === 0 ? '' : ` · on its way here ${in_transit}`}\n  ${state.filter(text => text !== '').join(' · ')}`,
    promisedText(at, zone),
    movedText(story, since_offset, zone),
  ]
  if (undecided > 0)
    parts.push(
      `${undecided} events behind the last published decision are in it; the engine may still decide about them`,
    )
  return parts.join('\n\n')
}

function promisedText({ promised }: StockAt, zone: string): string {
  if (promised.length === 0) return 'promised to nobody'
  const rows = promised.map(({ kind, id, fulfilment_id, line_id, quantity, state, at }) => [
    `${kind} ${id}`,
    fulfilment_id,
    line_id,
    String(quantity),
    state,
    `${kind === 'order' ? 'placed' : 'until'} ${clockText(at, zone)}`,
  ])
  return `promised to\n${indented(tableText([['', 'fulfilment', 'line', 'quantity', 'state', ''], ...rows]), '  ')}`
}

function movedText({ moved, moved_count, kept }: StockStory, since_offset: number, zone: string): string {
  const shown = kept === 0 ? [] : moved.slice(-kept)
  const since =
    since_offset > 0 ? ` since operations offset ${since_offset}, where a checkpoint stands (--from log: all)` : ''
  const head = `${shown.length} of ${moved_count} movements${since}`
  if (shown.length === 0) return head
  const names = ['time', 'offset', 'on hand', 'reserved', 'available', 'why', 'event']
  return `${head}\n${indented(tableText([names, ...shown.map(one => movedRow(one, zone))]), '  ')}`
}

const signed = (delta: number, level: number): string => `${delta > 0 ? '+' : ''}${delta === 0 ? '' : delta} → ${level}`

function movedRow({ time, offset, change, on_hand, reserved, available, event }: Moved, zone: string): string[] {
  const other = [
    change.safety === 0 ? '' : `kept back ${signed(change.safety, 0).split(' ')[0]}`,
    change.in_transit === 0 ? '' : `on its way ${signed(change.in_transit, 0).split(' ')[0]}`,
  ]
  return [
    clockText(time, zone),
    String(offset),
    signed(change.on_hand, on_hand),
    signed(change.reserved, reserved),
    String(available),
    [`${change.cause}${change.ref === '' ? '' : ` ${change.ref}`}`, ...other].filter(text => text !== '').join(', '),
    `${event.type} by ${event.actor}`,
  ]
}
