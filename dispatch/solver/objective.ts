/**
 * What a plan is to be good at, in one place. A plan's cost is in minutes of one customer's waiting: the sum of
 *
 *   per order   undelivered                      if the plan carries it to no door, and as if it came hours later
 *               click_to_door × m                m: minutes at the door after its floor
 *             + excess × m²                      so that nobody pays for the mean: twenty minutes once are worse than two ten times
 *             + freshness × minutes from ready to pickup
 *             + lateness × minutes after the promise
 *             + detour × minutes by which the way from its warehouse is longer than from the nearest of those that have it
 *   per courier travel × minutes on the road
 *             + end_place × minutes from where the last trip ends to where orders are expected
 *             + scarcity × p × minutes until its last trip is over
 *                                              p: 3.5 × what the work due in the next half hour takes of couriers' time, beyond 0.65; at most 4
 *             + fairness × (d − mean d)          per order: d is the courier's deliveries an hour on duty so far, the mean is over all couriers
 *
 * The floor is the order's own unavoidable time: picked up the moment it is ready, and straight to the door. Click-to-door
 * less the floor's click-to-door is m, so the constant part of it is left out.
 */
export interface Weights {
  undelivered: number
  click_to_door: number
  excess: number
  freshness: number
  lateness: number
  /** who carries it may change until it is picked up, and the longer way stays */
  detour: number
  travel: number
  end_place: number
  /** so that couriers are done sooner when there are too few of them, for orders that are not placed yet */
  scarcity: number
  /** so that orders go to those who had few; 0: whoever suits best */
  fairness: number
  /** an idle courier's move must save more than so much a minute of road; 0: no moves */
  cover: number
}

export const WEIGHTS: Weights = {
  undelivered: 1_500,
  click_to_door: 1,
  excess: 0.03,
  freshness: 0,
  lateness: 1,
  // Ten stores, floating couriers: 7 to 10 % fewer late minutes than with 0, on each of four sets of days; 2 is no better than 0.
  detour: 1,
  travel: 0.05,
  end_place: 0.1,
  // 36 versions of overloaded days: 35.9 minutes click-to-door instead of 36.4 with 0, and on 2 of them somebody an hour over the floor instead
  // of on 8. Where couriers are enough it is nothing; a price at all times made those days worse.
  scarcity: 1,
  fairness: 0,
  cover: 0.1,
}
