import { draws } from '../random.ts'

/** What goes wrong in an evening, and when. The same for the same seed. */

/** In the order of the first round. */
export const SCENES = ['sold_out', 'power_cut', 'breakdown', 'crowd', 'short_pick', 'cancel', 'reassign'] as const
export type SceneName = (typeof SCENES)[number]

export interface Cue {
  scene: SceneName
  /** 1 for the first */
  round: number
  /** wall s after the beginning */
  at_s: number
}

/** Wall s after the beginning of a round; the next one begins when everything is mended. */
const TIMES_S = [15, 35, 50, 65, 80, 90, 105] as const
const ROUND_S = 300

/** The first round tells its story in the order above; every later one has an order of its own. */
export function cuesOf(seed: number, round: number): Cue[] {
  const scenes = round === 1 ? [...SCENES] : shuffled(seed, round)
  return scenes.map((scene, place) => ({ scene, round, at_s: (round - 1) * ROUND_S + (TIMES_S[place] ?? ROUND_S) }))
}

function shuffled(seed: number, round: number): SceneName[] {
  const draw = draws(seed, 'scenes', round)
  const left: SceneName[] = [...SCENES]
  return SCENES.map(() => left.splice(draw.whole(0, left.length - 1), 1)[0] as SceneName)
}
