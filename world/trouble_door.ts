import { Type } from 'typebox'
import { CourierId, Point } from '../ingest/events/envelope.ts'
import { openHttp } from '../ingest/io/http.ts'
import { HttpProblem } from '../ingest/io/problem.ts'
import type { Impossible, Trouble } from './city/trouble.ts'

/**
 * The outside world's own door, on this machine only: who looks on makes trouble, and watches what Waggle does about it.
 *
 *   GET  /trouble                        Possible
 *   POST /trouble/courier  {courier_id}  Breakdown              404 unknown_courier · 422 broken_down
 *   POST /trouble/surge    {lat, lng}    Surge without `ordered`  422 not_served, crowded, nobody_there
 *
 * 503 not_yet until the city has begun. Asked with the development key.
 */
export interface TroubleDoor extends AsyncDisposable {
  url: string
  /** From now on there is something to make trouble with. */
  open(trouble: Trouble): void
}

const strict = { additionalProperties: false }
const Courier = Type.Object({ courier_id: CourierId }, strict)
const Place = Type.Object(Point.properties, strict)

export async function openTroubleDoor(): Promise<TroubleDoor> {
  const http = await openHttp({ service: 'world', host: '127.0.0.1', port: 0, log_level: 'silent', checks: {} })
  let trouble: Trouble | undefined
  const now = (): Trouble => {
    if (trouble) return trouble
    throw new HttpProblem(503, 'not_yet', 'the city has not begun: try again in a moment', { retry_after_s: 5 })
  }
  const { app } = http
  const preHandler = http.requireScope('dispatch')
  app.get('/trouble', { preHandler }, async () => now().possible())
  app.post('/trouble/courier', { preHandler, schema: { body: Courier } }, async request =>
    done(await now().breakDown(request.body.courier_id)),
  )
  app.post('/trouble/surge', { preHandler, schema: { body: Place } }, async request => {
    const { ordered: _later, ...surge } = done(now().surge(request.body))
    return surge
  })
  return {
    url: await http.listen(),
    open(city) {
      trouble = city
    },
    [Symbol.asyncDispose]: () => http.close(),
  }
}

/** @throws HttpProblem that says why it can not be */
function done<Done extends object>(answer: Done | Impossible): Done {
  if (!('impossible' in answer)) return answer
  const { impossible, detail } = answer
  throw new HttpProblem(impossible === 'unknown_courier' ? 404 : 422, impossible, detail)
}
