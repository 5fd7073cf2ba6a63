/** How large a search is, in production and on recorded days alike. */

/** On recorded days more than three on a trip were rare, and five never paid. */
export const BUNDLE_MAX = 4
/** Orders are known some half an hour ahead: nobody does more trips in that time. */
export const TRIPS_MAX = 6

/**
 * Rounds of ruin and recreate for so many open orders. Of many orders most stand where the last plan has them, and only what
 * is new needs finding a place: the rounds grow more slowly there, and a tick keeps within its time.
 */
export const roundsFor = (orders: number): number => 60 + 6 * Math.min(orders, MANY) + Math.max(0, orders - MANY)
const MANY = 250
