/** How large a search is, in production and on recorded days alike. */

/** On recorded days more than three on a trip were rare, and five never paid. */
export const BUNDLE_MAX = 4
/** Orders are known some half an hour ahead: nobody does more trips in that time. */
export const TRIPS_MAX = 6

/** Rounds of ruin and recreate for so many open orders. */
export const roundsFor = (orders: number): number => 60 + 6 * orders
