import type { Incident, IncidentAnswer, MapOrder } from '../../contract.ts'
import type { SignKind } from '../signs.ts'
import { count, reasonWords, shortId } from '../words.ts'

/** An incident in words: what Waggle did about it, and what became of its orders. */

export interface AnswerLine {
  did: IncidentAnswer['did']
  /** the map's own sign for it; undefined: it has none */
  sign?: SignKind
  text: string
  /** for a closer look, where it is one order */
  order_id?: string
}

const SIGN_OF: Partial<Record<IncidentAnswer['did'], SignKind>> = {
  sent_elsewhere: 'rerouted',
  moved: 'rerouted',
  given: 'reassigned',
  left: 'reassigned',
  rejected: 'refused',
  cancelled: 'cancelled',
}

/** As one reads them: what was kept going first, then what was lost. */
const ORDER = [
  ...['taken', 'left', 'given', 'moved', 'sent_elsewhere', 'substituted', 'shortened'],
  ...['promised_later', 'rejected', 'cancelled'],
] as readonly IncidentAnswer['did'][]

/** One line for each kind of thing that was done. @param nameOf a warehouse's name */
export function answerLines(
  {
    answers: as_done,
    warehouse_id,
    order_id,
    courier_id,
  }: Pick<Incident, 'answers' | 'warehouse_id' | 'order_id' | 'courier_id'>,
  nameOf: (warehouse_id: string) => string,
): AnswerLine[] {
  // Around a place it does not matter which of its warehouses would have come first.
  const of_place = (warehouse_id ?? order_id ?? courier_id) === undefined
  const answers = of_place ? as_done.map(asTaken) : as_done
  return ORDER.flatMap(did => {
    const group = answers.filter(one => one.did === did)
    const [first] = group
    if (!first) return []
    const orders = group.reduce((sum, one) => sum + one.orders, 0)
    const sign = SIGN_OF[did]
    const text = wordsOf(did, group, orders, nameOf)
    return [{ did, text, ...(sign && { sign }), ...(orders === 1 && { order_id: first.order_id }) }]
  })
}

const asTaken = (answer: IncidentAnswer): IncidentAnswer =>
  answer.did === 'sent_elsewhere' ? { ...answer, did: 'taken' } : answer

function wordsOf(
  did: IncidentAnswer['did'],
  group: readonly IncidentAnswer[],
  orders: number,
  nameOf: (warehouse_id: string) => string,
): string {
  const [first] = group
  const one = orders === 1
  const subject = one && first ? `Order ${shortId(first.order_id)}` : `${count(orders)} orders`
  switch (did) {
    case 'taken':
      return `${subject} from around there ${one ? 'goes' : 'go'} to ${placesOf(group, nameOf) || 'another zone'}`
    case 'sent_elsewhere':
      return `${one ? subject : `${count(orders)} new orders`} went to ${placesOf(group, nameOf) || 'another zone'} instead`
    case 'moved':
      return `${one ? subject : `${count(orders)} waiting orders`} moved to ${placesOf(group, nameOf)}`
    case 'given':
      return group.length === 1 && first
        ? `${subject} went from courier ${first.from_courier_id} to ${first.to_courier_id}`
        : `${subject} went to other couriers`
    case 'left':
      return `${subject} ${one ? 'waits' : 'wait'} for another courier`
    case 'substituted':
      return `${subject} ${one ? 'gets' : 'get'} something like it in its place`
    case 'shortened':
      return `${subject} ${one ? 'comes' : 'come'} without ${missing(group)}`
    case 'promised_later':
      return `${subject} will be later than promised`
    case 'rejected':
      return `${subject} ${one ? 'was' : 'were'} rejected: ${reasonsOf(group)}`
    case 'cancelled':
      return `${subject} ${one ? 'was' : 'were'} cancelled`
  }
}

/** The item, where it is one. */
function missing(group: readonly IncidentAnswer[]): string {
  const [first] = group
  return group.length === 1 && first?.sku ? first.sku.replaceAll(/[_-]+/g, ' ') : 'what is missing'
}

const NAMED_MAX = 3

/** "Old Town (7) and Loop (2)"; the count is left out where there is one place. */
function placesOf(group: readonly IncidentAnswer[], nameOf: (warehouse_id: string) => string): string {
  const by_place = Map.groupBy(group, one => one.to_warehouse_id)
  const places = [...by_place].flatMap(([id, some]) =>
    id ? [[id, some.reduce((sum, one) => sum + one.orders, 0)] as const] : [],
  )
  places.sort(([, a], [, b]) => b - a)
  const [only] = places
  if (places.length === 1 && only) return nameOf(only[0])
  const named = places.slice(0, NAMED_MAX).map(([id, orders]) => `${nameOf(id)} (${orders})`)
  const rest = places.slice(NAMED_MAX).reduce((sum, [, orders]) => sum + orders, 0)
  return listed(rest > 0 ? [...named, `others (${rest})`] : named)
}

/** "not enough in stock (13) and paused (6)"; the count is left out where there is one reason. */
function reasonsOf(group: readonly IncidentAnswer[]): string {
  const reasons = group.map(({ reason, orders }) => [whyRejected(reason), orders] as const)
  const [only] = reasons
  if (reasons.length === 1 && only) return only[0]
  return listed(reasons.slice(0, NAMED_MAX).map(([words, orders]) => `${words} (${orders})`))
}

/** No other warehouse could take it either, or it would have. */
const WHY_REJECTED: Partial<Record<string, string>> = {
  warehouse_paused: 'no other warehouse could take it',
  out_of_stock: 'no nearby warehouse has all of its items',
  full: 'all nearby warehouses are too busy',
}

const whyRejected = (reason = 'not_possible'): string => WHY_REJECTED[reason] ?? reasonWords(reason)

const listed = (words: readonly string[]): string =>
  words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`

/** What a late order waits for just now. @param nameOf a warehouse's name */
export function lateWords(
  { order_id, state, warehouse_id, courier_id, attempt }: MapOrder,
  nameOf: (warehouse_id: string) => string,
): string {
  const place = warehouse_id === null ? 'the warehouse' : nameOf(warehouse_id)
  const again = attempt > 1 ? '; it had to change warehouses' : ''
  return `Order ${shortId(order_id)} is late: ${waitsFor(state, place, courier_id)}${again}`
}

function waitsFor(state: MapOrder['state'], place: string, courier_id: string | null): string {
  if (state === 'placed' || state === 'routed') return `${place} has not begun to pick it`
  if (state === 'picking') return `${place} is still packing it`
  const courier = courier_id === null ? 'a courier' : `courier ${courier_id}`
  return state === 'packed' ? `packed at ${place}, it waits for ${courier}` : `${courier} is on the way to the door`
}

/** What became of the orders so far, the parts that are none left out; '': it touched none. */
export function outcomeWords({ orders: { under_way, delivered, late, lost } }: Pick<Incident, 'orders'>): string {
  const in_time = delivered - late
  if (under_way + delivered + lost === 1) {
    // That it was not served is what was done about it.
    return in_time > 0 ? 'Delivered in time' : late > 0 ? 'Delivered late' : under_way > 0 ? 'Not there yet' : ''
  }
  return [
    ...(in_time > 0 ? [`${count(in_time)} delivered in time`] : []),
    ...(late > 0 ? [`${count(late)} delivered late`] : []),
    ...(under_way > 0 ? [`${count(under_way)} not there yet`] : []),
    ...(lost > 0 ? [`${count(lost)} not served`] : []),
  ].join(' · ')
}
