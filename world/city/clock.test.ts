import { expect, test } from 'vitest'
import { wallByHand } from './clock.testing.ts'
import { openClock } from './clock.ts'

test('sleepers wake in the order of business time, ties in the order of asking', async () => {
  const wall = wallByHand()
  const clock = openClock({ wall_ms: wall.now(), time_ms: 5_000, rate: 10 }, wall)
  const woken: string[] = []
  const note = (name: string) => () => void woken.push(name)
  void clock.sleep(30).then(note('third'))
  void clock.sleep(10).then(note('first'))
  void clock.sleep(20).then(note('second'))
  void clock.sleep(20).then(note('second again'))
  await wall.turn(1_001)
  expect(woken).toEqual(['first'])
  await wall.turn(2_000)
  expect(woken).toEqual(['first', 'second', 'second again', 'third'])
  expect(clock.now()).toBe(5_000 + 3_001 * 10)
})

test('another rate moves those who sleep already', async () => {
  const wall = wallByHand()
  const clock = openClock({ wall_ms: wall.now(), time_ms: 0, rate: 1 }, wall)
  let woken = false
  void clock.sleep(60).then(() => {
    woken = true
  })
  await wall.turn(1_000)
  expect(woken).toBe(false)
  clock.set({ wall_ms: wall.now(), time_ms: clock.now(), rate: 60 })
  await wall.turn(1_000)
  expect(woken).toBe(true)
})

test('after the stop nobody wakes', async () => {
  const wall = wallByHand()
  const clock = openClock({ wall_ms: wall.now(), time_ms: 0, rate: 1 }, wall)
  let woken = 0
  void clock.sleep(1).then(() => woken++)
  clock.stop()
  void clock.sleep(1).then(() => woken++)
  await wall.turn(10_000)
  expect(woken).toBe(0)
})

test('many sleepers wake in order', async () => {
  const wall = wallByHand()
  const clock = openClock({ wall_ms: wall.now(), time_ms: 0, rate: 1 }, wall)
  const woken: number[] = []
  for (let i = 0; i < 500; i++) {
    const at = (i * 7_919) % 1_009
    void clock.until(at).then(() => woken.push(at))
  }
  await wall.turn(2_000)
  expect(woken).toHaveLength(500)
  expect(woken).toEqual([...woken].sort((a, b) => a - b))
})
