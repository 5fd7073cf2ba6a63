import type { CourierSnapshot, SolverProblem } from './port.ts'

/**
 * What couriers' time is worth to orders that are not placed yet. When more is due than couriers can bring, whoever is free a minute sooner lets
 * all later orders be there sooner: of two plans as good for the orders known, the one is better whose couriers are done earlier.
 */

const AHEAD_S = 1_800
/**
 * Orders an hour that a courier brings without falling behind, where it rides some ten minutes to a door: chosen on versions of recorded days.
 * With the load as minutes of work for what is due instead, and its limit at one, 36 versions of overloaded days took 0.1 minutes more.
 */
const MANAGED_PER_H = 2.3
/** Else, where hardly anybody is on shift, far doors would wait for ever. */
const PRICE_MAX = 4

/** @returns weighted minutes for each minute that a courier is busy longer */
export function timePrice({ fulfilments, couriers, weights }: SolverProblem): number {
  const due = fulfilments.filter(one => one.ready_s <= AHEAD_S).length
  const hours = couriers.reduce((sum, one) => sum + secondsOf(one), 0) / 3_600
  const per_hour = due === 0 ? 0 : due / hours
  return weights.scarcity * Math.min(PRICE_MAX, Math.max(0, per_hour - MANAGED_PER_H))
}

/** s that the courier may spend on something new */
const secondsOf = (one: CourierSnapshot): number =>
  Math.max(0, Math.min(AHEAD_S, workEnd(one)) - Math.max(0, one.free_s))

/** s until nothing more can be begun */
export const workEnd = ({ shift_end_s, last_pickup_s }: CourierSnapshot): number =>
  Math.min(shift_end_s ?? Number.POSITIVE_INFINITY, last_pickup_s ?? Number.POSITIVE_INFINITY)
