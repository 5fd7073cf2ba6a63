/** `npm run demo -- --explain`: ten lines for somebody who knows nothing of it. */
export const DEMO_EXPLAINED = `This is a city in which people order groceries and have them at the door in half an hour. All of it is made up, and runs ten times as fast.
The big marks on the map are warehouses: small shops without customers, where people pick what was ordered from shelves and pack it.
The small marks that move are couriers. They fetch bags at a warehouse and bring them to the doors; a line shows where one is going.
Each order is promised a time. Waggle chooses the warehouse that really has the goods and is soonest at the door, and says no where none can.
It also says who fetches what, and several times a minute thinks again: orders that go well together are put on one trip.
Things go wrong: milk runs out, a light goes out, a wheel breaks, a stadium empties. The feed says so; watch what Waggle does about it.
Red is late: the promised time has gone by. Click an order, a courier or a warehouse to see what has happened to it, and why.
The numbers count orders since the beginning; the feed tells what has just happened; "as of" says how old the picture is.
The city only knocks at the doors that anybody may use: orders, events and couriers' words go in, decisions come back. Nothing is staged.
Type npm run demo to begin; --help lists what can be chosen, such as other people's days. Ctrl-C ends everything.
`
