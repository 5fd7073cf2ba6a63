import fc from 'fast-check'
import { expect, test } from 'vitest'
import { forgetUntil, MOVES_KEPT, noMoves, noteMove, sumAfter } from './recent_moves.ts'
import { HOUR_MS } from './state.ts'

/** What moved in the last hour, against a list of objects that is sorted anew. */

const START = Date.UTC(2026, 0, 2, 18)
const DROPPED_AT_ONCE = 128

const acts = fc.array(
  fc.record({
    /** movements of the same sort, one after the other */
    times: fc.oneof(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 200, max: 400 })),
    pass_ms: fc.oneof(fc.nat(3), fc.nat(20 * 60_000), fc.constant(10 * 86_400_000)),
    /** told late; often to the millisecond as late as another */
    late_ms: fc.oneof(
      fc.constant(0),
      fc.nat(3),
      fc.constantFrom(HOUR_MS - 1, HOUR_MS, HOUR_MS + 1),
      fc.nat(70 * 60_000),
    ),
    delta: fc.integer({ min: -5, max: 5 }).filter(delta => delta !== 0),
    forget_late_ms: fc.option(fc.oneof(fc.nat(3), fc.nat(HOUR_MS)), { freq: 1 }),
  }),
  { minLength: 1, maxLength: 12 },
)

test('late, at the same time, too old and too many: the sums after any time are those of a plain list', () => {
  fc.assert(
    fc.property(acts, some => {
      const moves = noMoves()
      let model: { at: number; delta: number }[] = []
      let now = START
      for (const { times, pass_ms, late_ms, delta, forget_late_ms } of some) {
        for (let nth = 0; nth < times; nth += 1) {
          now += pass_ms % 60_000
          const at = now - late_ms
          const forgotten = noteMove(moves, delta, at, now)
          const same = model.find(move => move.at === at)
          if (same) same.delta += delta
          else model.push({ at, delta })
          model = model.filter(move => move.at >= now - HOUR_MS).sort((a, b) => a.at - b.at)
          const over = model.length > MOVES_KEPT ? model.splice(0, DROPPED_AT_ONCE) : []
          expect(forgotten).toBe(over.at(-1)?.at ?? null)
        }
        now += pass_ms
        if (forget_late_ms !== null) {
          forgetUntil(moves, now - forget_late_ms)
          model = model.filter(({ at }) => at > now - forget_late_ms)
        }
        for (const time of [0, now, ...model.map(({ at }) => at), ...model.map(({ at }) => at - 1)]) {
          const after = model.filter(({ at }) => at > time)
          expect(sumAfter(moves, time)).toBe(after.reduce((sum, move) => sum + move.delta, 0))
        }
        expect(moves.delta).toHaveLength(model.length)
        // What makes a checkpoint's rows short.
        for (const after_ms of moves.after_ms) expect(Math.abs(after_ms)).toBeLessThan(1_000_000_000)
      }
    }),
    { numRuns: 30 },
  )
})
