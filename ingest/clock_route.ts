import { businessTime, type Caller, ClockWrite, NOWHERE, REAL_TIME } from './contract.ts'
import type { ZoneId } from './events/envelope.ts'
import type { Clock } from './events/network.ts'
import { readClock } from './io/clock.ts'
import type { Http } from './io/http.ts'
import { enqueue } from './io/outbox.ts'
import { type Queryable, transaction } from './io/postgres.ts'
import { HttpProblem } from './io/problem.ts'
import type { Publisher } from './io/publish.ts'
import { inTheLog, type NetworkDoor } from './network_routes.ts'
import { tellOffsets } from './offsets.ts'

/** Any fixed number: setting the clock is done one at a time. */
const LOCK = 720_915

/** GET /v1/clock; PUT sets it, and publishes `clock.set` to every zone. */
export function addClockRoute({ app, requireScope }: Http, door: NetworkDoor): void {
  const anybody = requireScope('network:write', 'events:write', 'orders', 'dispatch', 'courier', 'dashboards')
  app.get('/v1/clock', { preHandler: anybody }, async () => ({ ...door.clock.clock(), now_ms: door.clock.now() }))
  app.put(
    '/v1/clock',
    { preHandler: requireScope('network:write'), schema: { body: ClockWrite } },
    async ({ body, caller, correlation_id }) => {
      const { clock, ids } = await transaction(door.pool, client =>
        writeClock(client, door.publisher, body, caller, correlation_id),
      )
      await door.clock.refresh()
      await inTheLog(door, ids)
      return clock
    },
  )
}

async function writeClock(
  client: Queryable,
  publisher: Publisher,
  { time_ms, rate }: ClockWrite,
  caller: Caller,
  correlation_id: string,
): Promise<{ clock: Clock; ids: number[] }> {
  await client.query('SELECT pg_advisory_xact_lock($1)', [LOCK])
  const clock = nextClock(await readClock(client), Date.now(), rate, time_ms)
  await client.query(
    `INSERT INTO clock (wall_ms, time_ms, rate, set_by) VALUES ($1, $2, $3, $4)
     ON CONFLICT (one) DO UPDATE SET wall_ms = $1, time_ms = $2, rate = $3, set_by = $4`,
    [clock.wall_ms, clock.time_ms, clock.rate, caller.actor],
  )
  const { rows } = await client.query<{ zone_id: ZoneId }>('SELECT zone_id FROM zones ORDER BY zone_id')
  const drafts = [...rows.map(row => row.zone_id), NOWHERE].map(zone_id => ({
    type: 'clock.set',
    zone_id,
    data: clock,
  }))
  const ids = await enqueue(
    client,
    drafts.map(draft => publisher.acceptOwn(draft, { caller, correlation_id })),
  )
  const told = await tellOffsets(client, publisher, clock.time_ms, correlation_id)
  return { clock, ids: [...ids, ...told] }
}

/**
 * The clock that goes on from `current` at `wall_ms`. Only the first setting may choose any time: until then nobody has
 * seen this clock. @throws HttpProblem 409 when the time would step back
 */
export function nextClock(current: Clock, wall_ms: number, rate: number, time_ms?: number): Clock {
  const now_ms = businessTime(current, wall_ms)
  if (time_ms !== undefined && time_ms < now_ms && current !== REAL_TIME) {
    throw new HttpProblem(409, 'time_steps_back', `business time is ${now_ms} already and never steps back`, {
      pointer: '/time_ms',
    })
  }
  return { wall_ms, time_ms: time_ms ?? now_ms, rate }
}
