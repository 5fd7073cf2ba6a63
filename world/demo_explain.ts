/** `npm run demo -- --explain`: ten lines for somebody who knows nothing of it. */
export const DEMO_EXPLAINED = `You will look at a map of a city in your browser. People there order groceries and want them within the hour; all of it is made up, and goes
ten times as fast as life. Waggle is the software that decides: which warehouse an order comes from, who brings it, and what to do about trouble.
The hexagons are warehouses: shops without customers, where people take what was ordered from shelves and pack it. The number waits to be picked.
The round marks that move are couriers: big ones carry orders, small ones are free. Dots are orders at their doors; the legend tells how far each is.
Every order is promised a time. Waggle asks who really has the goods and would be soonest at the door, and says no, with a reason, where nobody can.
Many times a minute it plans anew who fetches what; orders that lie well together become one trip, and a better plan may change who brings yours.
Then things go wrong: milk runs out, a light goes out, a wheel breaks, a stadium empties. Each is called out on the map; at the right stands what Waggle did.
Red means later than was promised. Click an entry, an order, a courier or a warehouse to see what became of it and why.
Nothing is staged: the city only knocks at doors that any partner, courier or warehouse may use, and hears of decisions as they would.
Type npm run demo to begin, and open the address that it prints. --help lists what can be chosen, such as other people's days; ctrl-C ends it all.
`
