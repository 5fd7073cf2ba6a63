/** How large a search is, in production and on recorded days alike. */

/** On recorded days more than three on a trip were rare, and five never paid. */
export const BUNDLE_MAX = 4
/** Orders are known some half an hour ahead: nobody does more trips in that time. */
export const TRIPS_MAX = 6

/**
 * Rounds of ruin and recreate for so many open orders. Where all couriers are needed, rounds are worth most: with a third of
 * these (60 and 6 an order), 36 versions of overloaded days took 0.15 minutes more in the mean, and on 4 instead of none
 * somebody was an hour over the floor; with twice as many nothing was better. Of many orders most stand where the last plan
 * has them, and only what is new needs finding a place: there a tick keeps within its time.
 */
export const roundsFor = (orders: number): number => Math.min(180 + 18 * orders, FEW) + Math.max(0, orders - MANY)
const FEW = 1_500
const MANY = 190
