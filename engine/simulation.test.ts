import { expect, test } from 'vitest'
import { runEpisode } from './simulation/episode.ts'

/**
 * A short run of `npm run test:simulation`: the real fold and the real owners over simulated servers. The invariants are
 * checked within, after every step. Of these seeds most are of the kind in which much happens.
 */
const SEEDS = [7, 19, 35, 45, 46, 79, 86, 87, 90, 96, 118, 121, 146, 172, 173, 183, 191, 40, 505, 1179, 1187]
const EVENTS = 2_500

/** Each of these must have come, or the run proves less than it says. */
const KINDS = [
  /^(send_decisions|send_movements|write_views)\.refused$/,
  /^send_decisions\.reply_lost$/,
  /\.late$/,
  /\.crash_before$/,
  /\.crash_after$/,
  /\.stall_before$/,
  /\.stall_after$/,
  /^old_code_published$/,
  /^older_checkpoint_restored$/,
  /^clock_jump$/,
  /^redis_emptied$/,
  /^redis_view_lost$/,
  /^redis_restored_from_its_past$/,
  /^kafka_away$/,
  /^leader_away$/,
  /^postgres_away$/,
  /^redis_away$/,
  /^rebalance$/,
  /^clean_stop$/,
]

const OUTCOMES = [
  'void decisions',
  'repeated decisions',
  'digests compared',
  ...['routed', 'rerouted', 'rejected', 'cancelled', 'shortened', 'substituted', 'picking', 'packed', 'offered'].map(
    name => `decision order.${name}`,
  ),
  ...['granted', 'refused', 'released', 'expired'].map(name => `decision hold.${name}`),
  ...['promise.changed', 'stock.corrected', 'stock.shortfall', 'count.superseded'].map(name => `decision ${name}`),
  ...['not_json', 'wrong_shape', 'unknown_type', 'unsupported_version'].map(name => `dead ${name}`),
  ...['unknown_warehouse', 'conflict', 'illegal_transition', 'too_late_to_tell'].map(name => `dead ${name}`),
]

// Some seconds on an idle machine; on one that is busy at other things it took more than two minutes.
const TIMEOUT_MS = 600_000

test(
  'whatever happens to the owners, what is published, saved and shown equals one fold of the log',
  async () => {
    const met = new Map<string, number>()
    for (const seed of SEEDS) {
      const { violation, processes, faults, counts } = await runEpisode({ seed, events: EVENTS, hours: null })
      expect(violation, `seed ${seed}\n${processes.join('\n')}`).toBeNull()
      for (const [kind, times] of [...faults, ...counts]) met.set(kind, (met.get(kind) ?? 0) + times)
    }
    for (const kind of KINDS)
      expect(
        [...met.keys()].some(name => kind.test(name)),
        `${kind} never came`,
      ).toBe(true)
    for (const name of OUTCOMES) expect(met.get(name) ?? 0, name).toBeGreaterThan(0)
  },
  TIMEOUT_MS,
)

test('a seed is the same run again, to the step', async () => {
  const [first, second] = [
    await runEpisode({ seed: 7, events: 600, hours: null }),
    await runEpisode({ seed: 7, events: 600, hours: null }),
  ]
  expect(second).toEqual(first)
})
