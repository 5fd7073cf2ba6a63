/**
 * How sure an arrival is: pure. What road, ready time and hand-overs give is off by some share of the time that lies ahead, and
 * three quantiles of that share are learnt from what came of earlier ones: the middle corrects the estimate, low and high bound
 * it. Each arrival moves a quantile a little to the side on which too many lie, which is stochastic descent of the pinball loss
 * (Koenker and Bassett 1978; for intervals that stay calibrated as the world drifts, Gibbs and Candès 2021).
 */

/** pickup: told of the pickup, and door_ahead of the door, when the courier is asked; door_leaving: of the door, once it has left. */
export const ETA_PHASES = ['pickup', 'door_ahead', 'door_leaving'] as const
export type EtaPhase = (typeof ETA_PHASES)[number]

export interface EtaErrors {
  /** arrivals that it was learnt from, and those of them that were within what was told */
  seen: number
  inside: number
  /** shares of the time ahead; negative: earlier */
  low: number
  middle: number
  high: number
}

/** Before anything is learnt: couriers are late more than early. */
export const NO_ERRORS: EtaErrors = { seen: 0, inside: 0, low: -0.2, middle: 0.05, high: 0.5 }

const SHARES = { low: 0.1, middle: 0.5, high: 0.9 } as const
/** Of what is nearly there, a share would tell nothing: lights, stairs and lifts take what they take. */
const AHEAD_MS_MIN = 180_000
const STEP_FIRST = 0.15
const STEP_LAST = 0.02
const SHARE_MAX = 20

export interface EtaTold {
  /** business ms */
  told_at: number
  /** as road, ready time and hand-overs have it */
  raw_at: number
  eta: number
  eta_from: number
  eta_to: number
}

const aheadOf = ({ told_at, raw_at }: Pick<EtaTold, 'told_at' | 'raw_at'>): number =>
  Math.max(AHEAD_MS_MIN, raw_at - told_at)

/** An estimate with its bounds, none of it in the past. */
export function boundsOf(raw_at: number, now: number, { low, middle, high }: EtaErrors): EtaTold {
  const ahead_ms = aheadOf({ told_at: now, raw_at })
  const at = (share: number) => Math.round(Math.max(now, raw_at + share * ahead_ms))
  const [from = low, likely = middle, to = high] = [low, middle, high].sort((a, b) => a - b)
  return { told_at: now, raw_at, eta: at(likely), eta_from: at(from), eta_to: at(to) }
}

export const isInside = ({ eta_from, eta_to }: Pick<EtaTold, 'eta_from' | 'eta_to'>, actual_at: number): boolean =>
  actual_at >= eta_from && actual_at <= eta_to

export function learnEta(errors: EtaErrors, told: EtaTold, actual_at: number): EtaErrors {
  const share = (actual_at - told.raw_at) / aheadOf(told)
  const seen = errors.seen + 1
  const step = Math.max(STEP_LAST, STEP_FIRST / Math.sqrt(seen))
  const moved = (quantile: number, wanted: number) =>
    Math.max(-1, Math.min(SHARE_MAX, quantile + step * (share > quantile ? wanted : wanted - 1)))
  return {
    seen,
    inside: errors.inside + (isInside(told, actual_at) ? 1 : 0),
    low: moved(errors.low, SHARES.low),
    middle: moved(errors.middle, SHARES.middle),
    high: moved(errors.high, SHARES.high),
  }
}
