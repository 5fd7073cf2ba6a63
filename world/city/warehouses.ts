import type { OrderView } from '../../dispatch/contract.ts'
import type { Item } from './catalogue.ts'
import { draws } from './random.ts'
import {
  about,
  count,
  countShelves,
  type Desk,
  openDesk,
  receive,
  restless,
  type Shelves,
  type ShelvesOptions,
  say,
  takeWord,
  type WarehousesTally,
} from './shelves.ts'
import type { Place, ScriptedData, Town } from './town.ts'

/**
 * Warehouses and their pickers. A shelf is what is really there; what Waggle believes may differ, and a short pick, a
 * recount or a delivery brings the two together again.
 */

const WASTE_SHARE = 0.1

export interface Spoilt {
  sku: string
  /** true once the picker has found out; false: the order was taken away before */
  found: Promise<boolean>
}

/** An order's part on its way over the shelves of one warehouse. */
interface Job {
  order_id: string
  fulfilment_id: string
  external_id: string
  /** names its draws: the order's number in the evening */
  luck: string
  lines: OrderView['lines']
  /** line_id → what lies in the bag */
  bag: Map<string, { sku: string; quantity: number }>
  started: boolean
  /** cancelled, rejected or given to another warehouse: hands off */
  dropped: boolean
  /** every line has been looked for */
  full: boolean
  /** a line of it lies broken on the floor */
  spoilt?: { line_id: string; tell(found: boolean): void } | undefined
}

/** Where bags are filled. */
interface Counter extends Desk {
  queue: Job[]
  idle_pickers: number[]
}

export interface WarehousesOptions extends ShelvesOptions {
  town: Pick<Town, 'places' | 'catalogue' | 'crew'>
  /** business ms; known once the city has begun */
  beginning: () => number
}

export interface Warehouses {
  tally: WarehousesTally
  /** Everything counted once, before the doors open. */
  countAll(): Promise<void>
  /** Vans, counts and broken bottles from now on. */
  open(): void
  /** Somebody there says so, and the shelf is as they say. */
  say(type: string, data: ScriptedData): Promise<void>
  onOrder(order: OrderView): void
  /** Nothing of it is left, and somebody says so. */
  runOut(warehouse_id: string, sku: string): Promise<void>
  /** The shelf is filled up by a van. */
  deliver(warehouse_id: string, sku: string, reference: string): Promise<void>
  /** The next line that is picked of this order is not there. undefined: nobody fills its bag, or all is in it */
  spoil(order_id: string): Spoilt | undefined
  /** A courier brings back what could not be handed over. */
  takeBack(order_id: string): void
}

export function openWarehouses(options: WarehousesOptions): Warehouses {
  const tally: WarehousesTally = { picked: 0, shorts: 0, packed: 0, received: 0, counted: 0, put_back: 0 }
  const { places, crew, catalogue } = options.town
  const desks = new Map(places.map(place => [place.warehouse_id, openCounter(place, options)]))
  const jobs = new Map<string, { desk: Counter; job: Job }>()
  const itemOf = new Map<string, Item>(catalogue.items.map(item => [item.sku, item]))
  const floor: Floor = { ...options, tally, itemOf }

  const drop = (order_id: string): void => {
    const found = jobs.get(order_id)
    if (found === undefined) return
    jobs.delete(order_id)
    found.job.dropped = true
    found.job.spoilt?.tell(false)
    found.desk.queue = found.desk.queue.filter(job => job !== found.job)
    if (found.job.bag.size > 0) options.spawn(putBack(floor, found.desk, found.job))
  }
  const take = (order: OrderView): void => {
    const desk = desks.get(order.warehouse_id ?? '')
    const known = jobs.get(order.order_id)
    if (known !== undefined && known.job.fulfilment_id === order.fulfilment_id) {
      known.job.lines = order.lines
      return
    }
    drop(order.order_id)
    if (desk === undefined || order.fulfilment_id === null || order.state === 'packed') return
    const job = newJob(order, order.fulfilment_id)
    jobs.set(order.order_id, { desk, job })
    desk.queue.push(job)
    startWaiting(floor, desk)
  }
  const onOrder: Record<OrderView['state'], (order: OrderView) => void> = {
    placed: () => {},
    routed: take,
    picking: take,
    packed: take,
    picked_up: () => {},
    delivered: order => jobs.delete(order.order_id),
    failed: () => {}, // the courier is on the way back with it
    rejected: order => drop(order.order_id),
    cancelled: order => drop(order.order_id),
  }
  return {
    tally,
    async say(type, data) {
      const desk = desks.get(data.warehouse_id)
      if (desk === undefined) return
      takeWord(desk, type, data)
      await say(floor, desk, type, data)
    },
    onOrder: order => onOrder[order.state](order),
    takeBack: drop,
    async runOut(warehouse_id, sku) {
      const [desk, item] = [desks.get(warehouse_id), itemOf.get(sku)]
      if (desk === undefined || item === undefined) return
      desk.shelf.set(sku, 0)
      await count(floor, desk, item)
    },
    async deliver(warehouse_id, sku, reference) {
      const [desk, item] = [desks.get(warehouse_id), itemOf.get(sku)]
      if (desk !== undefined && item !== undefined) await receive(floor, desk, item, reference)
    },
    spoil(order_id) {
      const job = jobs.get(order_id)?.job
      const line = job?.lines.find(one => !job.bag.has(one.line_id))
      if (job === undefined || line === undefined || job.full || job.spoilt) return undefined
      const { promise: found, resolve: tell } = Promise.withResolvers<boolean>()
      job.spoilt = { line_id: line.line_id, tell }
      return { sku: line.sku, found }
    },
    async countAll() {
      await Promise.all([...desks.values()].map(desk => countShelves(floor, desk)))
    },
    open() {
      if (!crew.restless) return
      for (const desk of desks.values()) {
        for (const work of restless(floor, desk)) options.spawn(work)
      }
    },
  }
}

type Floor = WarehousesOptions & Shelves

function openCounter(place: Place, options: WarehousesOptions): Counter {
  const idle_pickers = Array.from({ length: place.pickers }, (_, i) => i + 1)
  return { ...openDesk(place, options), queue: [], idle_pickers }
}

function newJob(order: OrderView, fulfilment_id: string): Job {
  const external_id = order.external_id ?? order.order_id
  const luck = external_id.replace(/^.*-(?=\d+$)/, '')
  const { order_id, lines } = order
  return {
    order_id,
    external_id,
    fulfilment_id,
    luck,
    lines,
    bag: new Map(),
    started: false,
    dropped: false,
    full: false,
  }
}

// ── Picking ─────────────────────────────────────────────────────────────────────────────────────────────────────────

function startWaiting(floor: Floor, desk: Counter): void {
  while (desk.queue.length > 0 && desk.idle_pickers.length > 0) {
    const job = desk.queue.shift() as Job
    const picker = desk.idle_pickers.shift() as number
    job.started = true
    const work = pick(floor, desk, job, picker).finally(() => {
      desk.idle_pickers.push(picker)
      startWaiting(floor, desk)
    })
    floor.spawn(work)
  }
}

async function pick(floor: Floor, desk: Desk, job: Job, picker: number): Promise<void> {
  const { clock, tally, beginning } = floor
  const { crew } = floor.town
  const part = { order_id: job.order_id, fulfilment_id: job.fulfilment_id, warehouse_id: desk.place.warehouse_id }
  const draw = draws(floor.seed, 'pick', job.luck)
  await clock.sleep(crew.begin_s(draw))
  if (job.dropped) return
  await say(floor, desk, 'pick.started', { ...part, picker: `${desk.place.warehouse_id}-${picker}` })
  for (const { line_id } of job.lines) {
    await clock.sleep(crew.line_s(draw))
    const line = job.lines.find(one => one.line_id === line_id)
    if (job.dropped) return
    if (line !== undefined) await pickLine(floor, desk, job, part, line)
  }
  job.full = true
  job.spoilt?.tell(false)
  const packed_ms = crew.packed_ms?.(job.external_id)
  await (packed_ms === undefined
    ? clock.sleep(crew.pack_s(draw, job.external_id))
    : clock.until(beginning() + packed_ms))
  // An empty bag is not packed: Waggle decides what becomes of that order.
  if (job.dropped || job.bag.size === 0) return
  tally.packed++
  await say(floor, desk, 'order.packed', { ...part, bags: Math.ceil(job.bag.size / 4) })
}

async function pickLine(floor: Floor, desk: Desk, job: Job, part: object, line: Job['lines'][number]): Promise<void> {
  const { line_id, sku, quantity } = line
  const there = desk.shelf.get(sku) ?? 0
  const spoilt = job.spoilt?.line_id === line_id ? job.spoilt : undefined
  const missing = Math.max(quantity - there, spoilt ? quantity : floor.town.crew.missing(job, line))
  const got = quantity - missing
  if (got > 0) {
    desk.shelf.set(sku, there - got)
    job.bag.set(line_id, { sku, quantity: got })
    floor.tally.picked++
    await say(floor, desk, 'line.picked', { ...part, line_id, quantity: got })
  }
  if (missing > 0) {
    const strayed = Math.max(0, there - got)
    desk.shelf.set(sku, 0)
    floor.tally.shorts++
    await say(floor, desk, 'line.short', { ...part, line_id, quantity: missing })
    spoilt?.tell(true)
    if (floor.town.crew.restless) floor.spawn(recount(floor, desk, job.luck, sku, strayed))
  }
}

/** Somebody looks for what should have been there, and counts what turns up. */
async function recount(floor: Floor, desk: Desk, luck: string, sku: string, strayed: number): Promise<void> {
  const draw = draws(floor.seed, 'recount', desk.place.warehouse_id, luck, sku)
  await floor.clock.sleep(draw.between(240, 600))
  const item = floor.itemOf.get(sku)
  if (item === undefined) return
  const found = Math.floor((strayed * draw.uniform()) / item.step) * item.step
  desk.shelf.set(sku, (desk.shelf.get(sku) ?? 0) + found)
  await count(floor, desk, item)
}

async function putBack(floor: Floor, desk: Desk, job: Job): Promise<void> {
  const draw = draws(floor.seed, 'put_back', job.luck)
  await floor.clock.sleep(draw.between(60, 240))
  for (const { sku, quantity } of job.bag.values()) {
    const item = floor.itemOf.get(sku)
    if (item === undefined) continue
    const condition = item.requires === 'cold' || draw.chance(WASTE_SHARE) ? 'waste' : 'sellable'
    if (condition === 'sellable') desk.shelf.set(sku, (desk.shelf.get(sku) ?? 0) + quantity)
    floor.tally.put_back++
    await say(floor, desk, 'stock.put_back', { ...about(desk, item), quantity, condition, order_id: job.order_id })
  }
}
