import { expect, test } from 'vitest'
import { cuesOf, SCENES } from './script.ts'

test('the first round tells its story in the order and at the seconds that the README names, whatever the seed', () => {
  for (const seed of [1, 2, 99]) {
    expect(cuesOf(seed, 1).map(({ scene, at_s }) => [at_s, scene])).toEqual([
      [15, 'sold_out'],
      [35, 'power_cut'],
      [50, 'breakdown'],
      [65, 'crowd'],
      [80, 'short_pick'],
      [90, 'cancel'],
      [105, 'reassign'],
    ])
  }
})

test('later rounds come every five minutes, each with all scenes, in an order that the seed gives', () => {
  const rounds = [2, 3, 4, 5].map(round => cuesOf(1, round))
  for (const [n, cues] of rounds.entries()) {
    expect(cues.map(cue => cue.at_s)).toEqual([15, 35, 50, 65, 80, 90, 105].map(s => s + 300 * (n + 1)))
    expect(cues.map(cue => cue.scene).toSorted()).toEqual([...SCENES].toSorted())
  }
  expect(cuesOf(1, 2)).toEqual(rounds[0])
  const orders = [1, 2, 3, 4].flatMap(seed =>
    [2, 3].map(round =>
      cuesOf(seed, round)
        .map(cue => cue.scene)
        .join(),
    ),
  )
  expect(new Set(orders).size).toBeGreaterThan(6)
})
