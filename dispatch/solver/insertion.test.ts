import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bestInsertion, type Insertion } from './insertion.ts'
import { modelOf } from './model.ts'
import { openNear } from './near.ts'
import { WEIGHTS } from './objective.ts'
import { problems } from './problems.testing.ts'
import { BROKEN, emptyRoutes, insertOrder } from './routes.ts'

/** Prices are found without walking what a change leaves alone: they have to be those of the whole route, walked anew. */

describe('an insertion', () => {
  it('costs by how much the whole route is dearer with it', () => {
    const seen = { new_trip: 0, before_others: 0, joined: 0, scarce: 0 }
    fc.assert(
      fc.property(problems, fc.constantFrom(0, 1, 5), (problem, scarcity) => {
        const model = modelOf({ ...problem, weights: { ...WEIGHTS, scarcity } })
        const routes = emptyRoutes(model)
        const near = openNear(model)
        const spot: Insertion = { order: 0, courier: 0, trip: 0, position: 0, delta: 0 }
        for (let order = 0; order < model.orders; order += model.choices[order] as number) {
          bestInsertion(model, routes, near, order, () => false, spot)
          if (spot.delta === Number.POSITIVE_INFINITY) continue
          const { courier, trip, position, delta } = spot
          const before = routes.route_cost[courier] as number
          const trips = routes.trip_count[courier] as number
          insertOrder(model, routes, spot.order, spot)
          // An open trip that is empty, or out of hours from the beginning, has no price that means something.
          if (before >= BROKEN / 2) continue
          expect((routes.route_cost[courier] as number) - before).toBeCloseTo(delta, 6)
          seen[position >= 0 ? 'joined' : trip < trips ? 'before_others' : 'new_trip'] += 1
          if (model.time_price > 0) seen.scarce += 1
        }
      }),
      { numRuns: 2_000 },
    )
    expect(Math.min(...Object.values(seen))).toBeGreaterThan(20)
  })
})
