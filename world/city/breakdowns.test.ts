import { expect, test } from 'vitest'
import type { OrderView, TripView } from '../../dispatch/contract.ts'
import { wallByHand } from './clock.testing.ts'
import { openClock } from './clock.ts'
import { openCouriers } from './couriers.ts'
import type { CourierWord } from './doors.ts'
import { chicagoEvening } from './evening.ts'

/** The evening's real couriers; what they would tell Waggle is written down here. */

const WAREHOUSE = 'loop'
const DOOR = { lat: 41.8917, lng: -87.6343 }

async function stage(on_ms = 0) {
  const wall = wallByHand()
  const clock = openClock({ wall_ms: wall.now(), time_ms: 0, rate: 1 }, wall)
  const said: CourierWord[] = []
  const trips = new Map<string, TripView>()
  let packed = false
  const evening = chicagoEvening({ seed: 1, run: 'test', orders_per_min: 9, couriers: 1 })
  const failures: unknown[] = []
  const couriers = openCouriers({
    ...{ seed: 1, clock, beginning: () => 0, takeBack: () => {} },
    town: {
      ...evening,
      fleet: evening.fleet.map(one => ({ ...one, on_ms })),
      ride: { ...evening.ride, declined_share: 0, nobody_home_share: 0 },
    },
    doors: {
      sendEvents: async () => {},
      async tell(_courier, word) {
        said.push(word)
        return true
      },
    },
    tripOf: id => trips.get(id),
    orderOf: () => ({ state: packed ? 'packed' : 'routed' }) as OrderView,
    trips: () => [...trips.values()],
    spawn: work => void work.catch(error => failures.push(error)),
  })
  await couriers.startShifts()
  const hear = (trip: TripView): void => {
    trips.set(trip.trip_id, trip)
    couriers.onTrip(trip)
  }
  return {
    ...{ wall, clock, couriers, hear },
    pack: () => {
      packed = true
    },
    /** what was said since the last time */
    words: () => said.splice(0).map(one => one.word),
    failures,
  }
}

const trip = (trip_id: string, state: TripView['state']): TripView =>
  ({
    ...{ trip_id, state, courier_id: 'c001', warehouse_id: WAREHOUSE, version: 1, pinned: false },
    stops: ['pickup', 'dropoff'].map(kind => ({
      kind,
      order_id: `o-${trip_id}`,
      fulfilment_id: 'f',
      point: DOOR,
      eta: 0,
    })),
  }) as object as TripView

const REPAIR_S = 480

test('a courier who is on the way to a warehouse gives the trip back, rests, says no, and comes back', async () => {
  const { wall, couriers, hear, words, failures } = await stage()
  hear(trip('t', 'accepted'))
  hear({ ...trip('x', 'accepted'), courier_id: 'c002' as TripView['courier_id'] })
  await wall.turn(20_000)
  const broken = await couriers.breakDown('c001', REPAIR_S)
  expect(broken).toMatchObject({ outcome: 'gave_back', order_ids: ['o-t'] })
  expect(words()).toEqual(['give_back', 'break'])
  expect(couriers.breakDown('c001', REPAIR_S), 'once is enough').toBeUndefined()
  hear(trip('t', 'cancelled'))
  const [where] = couriers.seen()
  hear(trip('u', 'offered'))
  await wall.turn((REPAIR_S - 1) * 1_000)
  expect(words()).toEqual(['decline'])
  expect(couriers.seen()).toEqual([where])
  await wall.turn(2_000)
  expect(words()).toEqual(['resume'])
  expect(couriers.seen()).toMatchObject([{ broken: false }])
  expect(failures).toEqual([])
})

test('who has the bag in hand stands still with it, and brings it later', async () => {
  const bringing = async (broken_s: number): Promise<number> => {
    const { wall, clock, couriers, hear, pack, words, failures } = await stage()
    hear(trip('t', 'accepted'))
    pack()
    const until = async (word: CourierWord['word']) => {
      for (let looks = 0; looks < 20_000; looks++) {
        if (words().includes(word)) return
        await wall.turn(1_000)
      }
      throw new Error(`nobody has said ${word}`)
    }
    await until('picked_up')
    await wall.turn(5_000)
    if (broken_s > 0) {
      expect(await couriers.breakDown('c001', broken_s)).toMatchObject({ outcome: 'stands_still', order_ids: ['o-t'] })
    }
    await until('delivered')
    expect(couriers.seen()).toMatchObject([{ broken: false }])
    expect(failures).toEqual([])
    return clock.now()
  }
  const [whole, broken] = [await bringing(0), await bringing(REPAIR_S)]
  expect(broken - whole).toBeGreaterThanOrEqual(REPAIR_S * 1_000 - 1_000)
  expect(broken - whole).toBeLessThanOrEqual(REPAIR_S * 1_000 + 1_000)
})

test('who has only been asked says no', async () => {
  const { couriers, hear, words } = await stage()
  hear(trip('t', 'offered'))
  expect(await couriers.breakDown('c001', REPAIR_S)).toMatchObject({ outcome: 'gave_back', order_ids: ['o-t'] })
  expect(words()).toEqual(['decline', 'break'])
})

test('who has nothing to do only rests, and nobody breaks down who is not there', async () => {
  const { couriers, words } = await stage()
  expect(await couriers.breakDown('c001', REPAIR_S)).toMatchObject({ outcome: 'had_nothing', order_ids: [] })
  expect(words()).toEqual(['break'])
  expect(couriers.breakDown('c999', REPAIR_S)).toBeUndefined()
  const later = await stage(60_000)
  expect(later.couriers.breakDown('c001', REPAIR_S), 'not on shift yet').toBeUndefined()
})
