import { expect, test } from 'vitest'
import { packMessages } from '../../ingest/io/log_messages.ts'
import { foldBatch, loadPartition, type Partition } from '../partition.ts'
import { digestOf, drawFrom, SimulatedZone, zoneIn } from '../simulated_log.ts'
import { cutOf, sliceOf } from './cut.ts'
import { applyFrames } from './frames.ts'

/** Checkpoints made in slices while the fold goes on: what they bring back is the state at the offset of the cut, whatever came between. */

const AT = { partition: 3, partitions: 8, epoch: 1 }

const emptyAt = (operations: number, couriers: number): Partition =>
  loadPartition({
    kind: 'load',
    ...AT,
    operations: { next_offset: operations },
    couriers: { next_offset: couriers },
  })

/** Folds `count` more events of the made-up zone. */
function foldMore(
  held: Partition,
  source: SimulatedZone,
  opening: ReturnType<SimulatedZone['opening']>,
  count: number,
) {
  for (let done = 0; done < count; done += 1) {
    const offset = held.operations.next_offset
    const { appended_at, value } = opening[offset] ?? source.next([...held.zones.values()][0])
    const messages = packMessages([{ offset, appended_at, key: null, value, headers: {} }])
    foldBatch(held, { topic: 'operations', messages, adopted: null })
  }
}

const SEEDS = [1, 2, 3]

test.each(SEEDS)('a chain of cuts brings the state back as it was at each of them (seed %i)', seed => {
  const draw = drawFrom(seed)
  const source = new SimulatedZone(zoneIn(AT.partition, AT.partitions), seed)
  const opening = source.opening()
  let held = emptyAt(0, 0)
  let chain: Uint8Array[] = []
  let restarts = 0
  for (let cut = 0; cut < 25; cut += 1) {
    foldMore(held, source, opening, draw.below(80))
    const whole = cut === 0 || draw.chance(0.15)
    if (whole) chain = []
    // A few slices, each of them followed by events that change what it wrote.
    for (let slice = 0; slice < 1 + draw.below(3); slice += 1) {
      chain.push(sliceOf(held, whole && slice === 0).frames)
      foldMore(held, source, opening, draw.below(10))
    }
    const taken = cutOf(held)
    chain.push(taken.frames)
    const again = emptyAt(taken.operations_next, taken.couriers_next)
    for (const frames of chain) applyFrames(again, frames)
    expect(digestOf(again)).toBe(digestOf(held))
    // Now and then the next owner goes on with the chain.
    if (!draw.chance(0.3)) continue
    held = again
    restarts += 1
  }
  expect(restarts).toBeGreaterThan(2)
})

test('only what changed is written again', () => {
  const source = new SimulatedZone(zoneIn(AT.partition, AT.partitions), 9)
  const held = emptyAt(0, 0)
  const opening = source.opening()
  foldMore(held, source, opening, 1_500)
  const whole = [sliceOf(held, true)]
  while (whole.at(-1)?.left !== 0) whole.push(sliceOf(held, false))
  cutOf(held)
  expect(sliceOf(held, false)).toEqual({ frames: Buffer.alloc(0), left: 0 })
  foldMore(held, source, opening, 3)
  const later = sliceOf(held, false)
  expect(later.frames.length).toBeGreaterThan(0)
  expect(later.frames.length).toBeLessThan((whole[0]?.frames.length ?? 0) / 4)
})

test('frames that were cut off are refused', () => {
  const held = emptyAt(0, 0)
  foldMore(held, new SimulatedZone(zoneIn(AT.partition, AT.partitions), 9), [], 5)
  const { frames } = cutOf(held)
  expect(() => applyFrames(emptyAt(0, 0), frames.subarray(0, frames.length - 1))).toThrow(/behind its part/)
})
