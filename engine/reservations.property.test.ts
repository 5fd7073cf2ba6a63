import fc from 'fast-check'
import { expect, test } from 'vitest'
import { openOf } from './state.ts'
import { START, Town } from './town.testing.ts'

/**
 * The life of reserved goods against a model in which every single unit is a thing of its own: it is promised once, ends once,
 * and what lies on the shelf is what nobody carried away.
 */

type UnitState = 'open' | 'picked' | 'short' | 'released' | 'expired'
interface Unit {
  owner: string
  state: UnitState
}

const ORDERS = ['o1', 'o2', 'o3', 'o4'] as const
const HOLDS = ['h1', 'h2'] as const
const SHELF = 12

const act = fc.oneof(
  fc.record({ do: fc.constant('place'), owner: fc.constantFrom(...ORDERS), quantity: fc.integer({ min: 1, max: 5 }) }),
  fc.record({
    do: fc.constantFrom('start', 'pack', 'cancel'),
    owner: fc.constantFrom(...ORDERS),
    quantity: fc.constant(0),
  }),
  fc.record({
    do: fc.constantFrom('pick', 'short', 'shrink'),
    owner: fc.constantFrom(...ORDERS),
    quantity: fc.integer({ min: 1, max: 4 }),
  }),
  fc.record({ do: fc.constant('hold'), owner: fc.constantFrom(...HOLDS), quantity: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ do: fc.constantFrom('let_go', 'wait'), owner: fc.constantFrom(...HOLDS), quantity: fc.constant(0) }),
)

/** One warehouse, one SKU; an order that does not fit is refused as a whole. */
class UnitModel {
  units: Unit[] = []
  on_shelf = SHELF
  life = new Map<string, 'refused' | 'reserved' | 'picking' | 'packed' | 'cancelled' | 'held' | 'over'>()
  held_until = new Map<string, number>()

  open = (owner: string) => this.units.filter(unit => unit.owner === owner && unit.state === 'open')
  reserved = () => this.units.filter(({ state }) => state === 'open').length

  grant(owner: string, quantity: number, life: 'reserved' | 'held'): void {
    if (this.life.has(owner)) return
    if (this.on_shelf - this.reserved() < quantity) {
      this.life.set(owner, 'refused')
      return
    }
    for (let n = 0; n < quantity; n += 1) this.units.push({ owner, state: 'open' })
    this.life.set(owner, life)
  }

  end(owner: string, quantity: number, state: UnitState): void {
    for (const unit of this.open(owner).slice(0, quantity)) unit.state = state
  }

  /** Only as many as are open: more than that is a dead letter and changes nothing. */
  pick(owner: string, quantity: number): void {
    if (this.life.get(owner) !== 'picking' || this.open(owner).length < quantity) return
    this.end(owner, quantity, 'picked')
    this.on_shelf -= quantity
  }

  /** Beside what is still picked for this order, the shelf is empty; nobody else has anything there any more. */
  short(owner: string, quantity: number): void {
    if (this.life.get(owner) !== 'picking' || this.open(owner).length < quantity) return
    this.end(owner, quantity, 'short')
    this.on_shelf = Math.min(this.on_shelf, this.open(owner).length)
    if (!this.#anything(owner)) this.life.set(owner, 'cancelled')
    this.#coverShortfall()
  }

  /** Newest unpicked first, then holds, then those being picked: whoever is in the way of what is there gives up. */
  #coverShortfall(): void {
    const rank = { reserved: 0, held: 1, picking: 2 } as const
    const owners = [...this.life].filter(([, life]) => life in rank) as [string, keyof typeof rank][]
    const placed = new Map(this.units.map((unit, place) => [unit.owner, place]))
    owners.sort(([a, la], [b, lb]) => rank[la] - rank[lb] || (placed.get(b) ?? 0) - (placed.get(a) ?? 0))
    for (const [owner, life] of owners) {
      const missing = this.reserved() - this.on_shelf
      if (missing <= 0) return
      if (life === 'held') {
        this.end(owner, Number.POSITIVE_INFINITY, 'released')
        this.life.set(owner, 'over')
        continue
      }
      this.end(owner, missing, 'short')
      if (!this.#anything(owner)) this.life.set(owner, 'cancelled')
    }
  }

  #anything = (owner: string) =>
    this.units.some(unit => unit.owner === owner && (unit.state === 'open' || unit.state === 'picked'))

  shrink(owner: string, quantity: number): void {
    if (this.life.get(owner) !== 'reserved') return
    this.end(owner, Math.max(0, this.open(owner).length - quantity), 'released')
  }

  cancel(owner: string): void {
    const life = this.life.get(owner)
    if (life === 'reserved') this.end(owner, Number.POSITIVE_INFINITY, 'released')
    if (life === 'picking') this.pick(owner, this.open(owner).length)
    if (life === 'reserved' || life === 'picking' || life === 'packed') this.life.set(owner, 'cancelled')
  }

  expire(now: number): void {
    for (const [owner, until] of this.held_until) {
      if (this.life.get(owner) !== 'held' || until > now) continue
      this.end(owner, Number.POSITIVE_INFINITY, 'expired')
      this.life.set(owner, 'over')
    }
  }
}

const HOLD_S = 60

function play(
  town: Town,
  model: UnitModel,
  { do: deed, owner, quantity }: { do: string; owner: string; quantity: number },
) {
  town.now += 1_000
  model.expire(town.now)
  const line = { line_id: 'milk', quantity }
  const known = model.life.get(owner)
  switch (deed) {
    case 'place':
      town.place(owner, { milk: quantity })
      model.grant(owner, quantity, 'reserved')
      return
    case 'hold':
      town.send('hold.asked', { ...wish(town, quantity), hold_id: owner, ttl_s: HOLD_S })
      if (known === undefined) model.held_until.set(owner, town.now + HOLD_S * 1_000)
      model.grant(owner, quantity, 'held')
      return
    case 'let_go':
      town.send('hold.released', { hold_id: owner, reason: 'basket_left' })
      if (known === 'held') {
        model.end(owner, Number.POSITIVE_INFINITY, 'released')
        model.life.set(owner, 'over')
      }
      return
    case 'wait':
      town.now += HOLD_S * 1_000
      town.send('tick', {})
      model.expire(town.now)
      return
  }
  if (known === undefined || known === 'refused') return
  if (deed === 'start') {
    town.pick('pick.started', owner)
    if (known === 'reserved') model.life.set(owner, 'picking')
  } else if (deed === 'pick') {
    town.pick('line.picked', owner, line)
    model.pick(owner, quantity)
  } else if (deed === 'short') {
    town.pick('line.short', owner, line)
    model.short(owner, quantity)
  } else if (deed === 'shrink') {
    town.send('order.changed', { order_id: owner, lines: [line] })
    model.shrink(owner, quantity)
  } else if (deed === 'cancel') {
    town.send('order.cancel_asked', { order_id: owner, reason: 'changed_mind' })
    model.cancel(owner)
  } else if (deed === 'pack') {
    town.pick('order.packed', owner)
    if (known === 'picking' && model.open(owner).length === 0) model.life.set(owner, 'packed')
  }
}

function wish(town: Town, quantity: number) {
  const { point, cell } = town.warehouse('near')
  return { point, cell, lines: [{ line_id: 'milk', sku: 'milk', quantity, unit: 'each' }] }
}

test('every unit that is promised ends once, and the shelf holds what nobody carried away', () => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 40 }), acts => {
      const town = new Town({ near: { meters: 500, stock: { milk: SHELF } } })
      const model = new UnitModel()
      expect(town.now).toBe(START)
      for (const one of acts) {
        play(town, model, one)
        const stock = town.stock('near', 'milk')
        expect({ after: one, on_hand: stock.on_hand, reserved: stock.reserved }).toEqual({
          after: one,
          on_hand: model.on_shelf,
          reserved: model.reserved(),
        })
        for (const order of town.zone.orders.values()) {
          const lines = order.fulfilments.flatMap(part => part.lines)
          const mine = (state: UnitState) =>
            model.units.filter(unit => unit.owner === order.order_id && unit.state === state).length
          const sum = (of: 'picked' | 'short' | 'released' | 'expired') =>
            lines.reduce((all, each) => all + each[of], 0)
          expect(lines.reduce((all, each) => all + openOf(each), 0)).toBe(mine('open'))
          for (const state of ['picked', 'short', 'released', 'expired'] as const) expect(sum(state)).toBe(mine(state))
        }
      }
    }),
    { numRuns: 2_000 },
  )
})
