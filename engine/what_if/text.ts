import { tableText } from '../command.ts'
import { dayText } from '../past/moment.ts'
import { type Difference, type Figures, sayOutcome } from './tally.ts'

/** The answer for a person. Pure. */

export interface Answer {
  zone_id: string
  partition: number
  /** of the business clock, ms: first and last event that was decided anew */
  from: number
  to: number
  from_offset: number
  to_offset: number
  events: number
  /** field before → after */
  changes: string[]
  really: Figures
  /** the same policy, decided anew by this version of the code */
  again: Figures
  other: Figures
  /** orders that `again` decides otherwise than it really was */
  unlike_really: Difference[]
  /** here: under the policy there was, decided anew; there: under the other one */
  moved: Difference[]
  /** of those who decided, other than ours */
  fold_versions: string[]
  /** events of picking for which there was nothing to pick under the other policy */
  dropped: number
  /** orders that were picked under the other policy and really by nobody */
  picked_alone: number
  undecided: number
}

export function answerText(answer: Answer, time_zone: string, show: number): string {
  const { zone_id, partition, from, to, from_offset, to_offset, events, changes, again } = answer
  const head = `zone ${zone_id} · ${dayText(from, time_zone)} to ${dayText(to, time_zone)} of ${time_zone} · operations/${partition}/${from_offset} to ${to_offset}: ${events} events, ${again.orders} orders`
  return [
    head,
    `policy: ${changes.join(' · ')}`,
    figuresTable(answer),
    loadTable(answer),
    movedText(answer, show),
    notes(answer),
  ]
    .filter(text => text !== '')
    .join('\n\n')
}

const minutes = (seconds: number | undefined): string =>
  seconds === undefined ? '-' : `${(seconds / 60).toFixed(1)} min`
const change = (before: number, after: number): string => {
  const delta = after - before
  return delta === 0 ? '' : `${delta > 0 ? '+' : '−'}${Math.abs(delta)}`
}

function figuresTable({ really, again, other }: Answer): string {
  const rows = [['', 'really', 'this policy', 'the other', 'change']]
  const count = (name: string, of: (figures: Figures) => number) => {
    const [a, b, c] = [of(really), of(again), of(other)]
    rows.push([name, String(a), String(b), String(c), change(b, c)])
  }
  const seconds = (name: string, of: (promise: NonNullable<Figures['promise_s']>) => number) => {
    const [a, b, c] = [really, again, other].map(({ promise_s }) => (promise_s ? of(promise_s) : undefined))
    const delta = b === undefined || c === undefined || b === c ? '' : `${c > b ? '+' : '−'}${minutes(Math.abs(c - b))}`
    rows.push([name, minutes(a), minutes(b), minutes(c), delta])
  }
  count('orders granted', figures => figures.granted)
  count('orders rejected', figures => figures.rejected)
  const reasons = new Set([really, again, other].flatMap(({ rejected_by }) => Object.keys(rejected_by)))
  for (const reason of reasons) count(`  ${reason}`, ({ rejected_by }) => rejected_by[reason] ?? 0)
  const optional: [string, (figures: Figures) => number][] = [
    ['offered to a neighbour', ({ offered }) => offered],
    ['split over warehouses', ({ split }) => split],
    ['re-routed', ({ rerouted }) => rerouted],
    ['lines shortened', ({ shortened }) => shortened],
    ['cancelled, not by customers', ({ cancelled_by_shortfall }) => cancelled_by_shortfall],
    ['holds granted', ({ holds_granted }) => holds_granted],
    ['holds refused', ({ holds_refused }) => holds_refused],
  ]
  seconds('promise, mean', ({ mean }) => mean)
  seconds('promise, median', ({ p50 }) => p50)
  seconds('promise, 9 of 10 within', ({ p90 }) => p90)
  for (const [name, of] of optional) if ([really, again, other].some(figures => of(figures) > 0)) count(name, of)
  return tableText(rows)
}

function loadTable({ really, again, other }: Answer): string {
  const ids = [...new Set([really, again, other].flatMap(({ warehouses }) => Object.keys(warehouses)))].sort()
  const head = [
    'warehouse',
    'orders really',
    'this policy',
    'the other',
    'change',
    'lines',
    'change',
    'most lines waiting',
    'change',
  ]
  const rows = ids.map(id => {
    const [a, b, c] = [really, again, other].map(({ warehouses }) => warehouses[id])
    const lines = [b?.lines ?? 0, c?.lines ?? 0] as const
    const waiting = [b?.open_lines_max ?? 0, c?.open_lines_max ?? 0] as const
    const orders = [a?.orders ?? 0, b?.orders ?? 0, c?.orders ?? 0] as const
    return [
      id,
      ...orders.map(String),
      change(orders[1], orders[2]),
      String(lines[1]),
      change(...lines),
      String(waiting[1]),
      change(...waiting),
    ]
  })
  return ids.length === 0 ? '' : tableText([head, ...rows])
}

function movedText({ moved }: Answer, show: number): string {
  if (moved.length === 0) return 'no order comes to anything else'
  const ways = new Map<string, number>()
  for (const { here, there } of moved) {
    const way = `${sayOutcome(here)} → ${sayOutcome(there)}`
    ways.set(way, (ways.get(way) ?? 0) + 1)
  }
  const sorted = [...ways].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
  const shown = sorted.slice(0, WAYS_SHOWN).map(([way, count]) => [String(count), way])
  const rest = sorted.slice(WAYS_SHOWN).reduce((sum, [, count]) => sum + count, 0)
  if (rest > 0) shown.push([String(rest), 'otherwise'])
  const named = moved.slice(0, show).map(({ order_id }) => order_id)
  const names = named.length > 0 ? `\nsuch as ${named.join(', ')}` : ''
  return `${moved.length} orders come to something else\n${tableText(shown.map(([count, way]) => [`  ${count}`, way ?? '']))}${names}`
}
const WAYS_SHOWN = 12

function notes(answer: Answer): string {
  const { unlike_really, fold_versions, dropped, picked_alone, undecided } = answer
  const lines: string[] = []
  if (unlike_really.length > 0) {
    const why = fold_versions.length > 0 ? `, by fold version ${fold_versions.join(', ')}` : ''
    const [first] = unlike_really
    const one = first ? ` (${first.order_id}: ${sayOutcome(first.here)}, now ${sayOutcome(first.there)})` : ''
    lines.push(
      `The same policy decides ${unlike_really.length} orders otherwise than it really was${why}${one}: compare "this policy" with "the other".`,
    )
  } else lines.push('The same policy, decided anew, comes to what really was decided.')
  if (dropped > 0) lines.push(`${dropped} events of picking had nothing to pick under the other policy.`)
  if (picked_alone > 0)
    lines.push(`${picked_alone} orders that really nobody picked are packed there when they were to be ready.`)
  if (undecided > 0)
    lines.push(`${undecided} events lie behind the last published decision: "really" does not have them.`)
  return lines.join('\n')
}
