import type { Item } from './catalogue.ts'
import type { CityClock } from './clock.ts'
import { type Doors, draft } from './doors.ts'
import { type Outbox, openOutbox } from './outbox.ts'
import { draws } from './random.ts'
import type { Place, ScriptedData, Town } from './town.ts'

/** What is really on the shelves, and how Waggle hears of it: counts, vans and broken bottles. */

const RESTOCK_BELOW = 0.3

export interface WarehousesTally {
  picked: number
  shorts: number
  packed: number
  received: number
  counted: number
  put_back: number
}

export interface ShelvesOptions {
  seed: number
  town: Pick<Town, 'catalogue'>
  clock: CityClock
  doors: Pick<Doors, 'sendEvents'>
  spawn: (work: Promise<void>) => void
  onFailure: (error: unknown) => void
}

export type Shelves = ShelvesOptions & { tally: WarehousesTally; itemOf: ReadonlyMap<string, Item> }

/** The shelves of one warehouse: SKU → what is there, and what it is filled up to. */
export interface Desk {
  place: Place
  shelf: Map<string, number>
  targets: Map<string, number>
  outbox: Outbox
}

export function openDesk(place: Place, { town, doors, onFailure }: ShelvesOptions): Desk {
  const targets = new Map<string, number>()
  const shelf = new Map<string, number>()
  for (const item of town.catalogue.items) {
    const { target, there } = town.catalogue.shelf(place, item)
    targets.set(item.sku, target)
    shelf.set(item.sku, there)
  }
  return { place, shelf, targets, outbox: openOutbox(doors, onFailure) }
}

/** What goes on by itself, for ever: vans, counts and broken bottles. */
export const restless = (shelves: Shelves, desk: Desk): Promise<void>[] => [
  receiveVans(shelves, desk),
  countNowAndThen(shelves, desk),
  breakThings(shelves, desk),
]

export const about = (desk: Desk, item: Item) => ({
  warehouse_id: desk.place.warehouse_id,
  sku: item.sku,
  unit: item.unit,
})

/** The shelf is as somebody there says. */
export function takeWord(
  { shelf }: Desk,
  type: string,
  { sku, quantity = 0, delta = 0, condition }: ScriptedData,
): void {
  if (sku === undefined || condition === 'waste') return
  const there = shelf.get(sku) ?? 0
  if (type === 'stock.counted') shelf.set(sku, quantity)
  if (type === 'stock.adjusted') shelf.set(sku, Math.max(0, there + delta))
  if (type === 'stock.received' || type === 'stock.put_back') shelf.set(sku, there + quantity)
}

export async function say(shelves: Shelves, desk: Desk, type: string, data: object): Promise<void> {
  await desk.outbox.send(draft(type, data, shelves.clock.now(), `warehouse:${desk.place.warehouse_id}`))
}

export async function countShelves(shelves: Shelves, desk: Desk): Promise<void> {
  await Promise.all(shelves.town.catalogue.items.map(item => countNow(shelves, desk, item)))
}

/** Only when all that was done has reached Waggle does a count mean what it says. */
export async function count(shelves: Shelves, desk: Desk, item: Item): Promise<void> {
  await desk.outbox.idle()
  await countNow(shelves, desk, item)
}

function countNow(shelves: Shelves, desk: Desk, item: Item): Promise<void> {
  shelves.tally.counted++
  const quantity = desk.shelf.get(item.sku) ?? 0
  return say(shelves, desk, 'stock.counted', { ...about(desk, item), quantity, as_of: shelves.clock.now() })
}

/** A van every half hour or so fills what has run low. */
async function receiveVans(shelves: Shelves, desk: Desk): Promise<void> {
  const draw = draws(shelves.seed, 'vans', desk.place.warehouse_id)
  await shelves.clock.sleep(draw.between(300, 2_400))
  for (let van = 1; ; van++) {
    const reference = `van-${desk.place.warehouse_id}-${van}`
    const low = shelves.town.catalogue.items.filter(item => shareLeft(desk, item) < RESTOCK_BELOW)
    await Promise.all(low.map(item => receive(shelves, desk, item, reference)))
    await shelves.clock.sleep(draw.between(1_500, 2_700))
  }
}

const shareLeft = (desk: Desk, item: Item): number =>
  (desk.shelf.get(item.sku) ?? 0) / Math.max(1, desk.targets.get(item.sku) ?? 1)

export async function receive(shelves: Shelves, desk: Desk, item: Item, reference: string): Promise<void> {
  const there = desk.shelf.get(item.sku) ?? 0
  const quantity = (desk.targets.get(item.sku) ?? 0) - there
  if (quantity < 1) return
  desk.shelf.set(item.sku, there + quantity)
  shelves.tally.received++
  await say(shelves, desk, 'stock.received', { ...about(desk, item), quantity, reference })
}

async function countNowAndThen(shelves: Shelves, desk: Desk): Promise<void> {
  const { items } = shelves.town.catalogue
  const draw = draws(shelves.seed, 'counts', desk.place.warehouse_id)
  for (;;) {
    await shelves.clock.sleep(draw.between(150, 420))
    // What sells well is counted most.
    const item = items[Math.floor(draw.uniform() ** 2 * items.length)]
    if (item !== undefined) await count(shelves, desk, item)
  }
}

async function breakThings(shelves: Shelves, desk: Desk): Promise<void> {
  const draw = draws(shelves.seed, 'breakage', desk.place.warehouse_id)
  for (;;) {
    await shelves.clock.sleep(draw.between(500, 1_500))
    const item = draw.pick(shelves.town.catalogue.items)
    const there = desk.shelf.get(item.sku) ?? 0
    if (there < 4 * item.step) continue
    desk.shelf.set(item.sku, there - item.step)
    const reason = draw.pick(['damaged', 'expired', 'stolen'] as const)
    await say(shelves, desk, 'stock.adjusted', { ...about(desk, item), delta: -item.step, reason })
  }
}
