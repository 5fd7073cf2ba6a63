import type { FastifyReply, FastifyRequest } from 'fastify'
import { HttpProblem } from '../ingest/io/problem.ts'
import type { Desk, Refused } from './desk.ts'
import type { Act } from './trip.ts'

/** What every route of dispatch shares. */

export const actOf = (request: FastifyRequest, desk: Desk): Act => ({
  tenant_id: request.caller.tenant_id,
  actor: request.caller.actor,
  correlation_id: request.correlation_id,
  now: desk.now(),
})

/** The courier who speaks. @throws HttpProblem 403 for any other actor */
export function courierOf(request: FastifyRequest): string {
  const [kind, id] = request.caller.actor.split(/:(.*)/)
  if (kind === 'courier' && id) return id
  throw new HttpProblem(403, 'not_a_courier', 'speak as a courier: send "x-waggle-actor: courier:<id>"')
}

/** The body of `Conflict`. */
export function sendRefused(reply: FastifyReply, request: FastifyRequest, { status, ...body }: Refused): FastifyReply {
  return reply.code(status).send({ ...body, correlation_id: request.correlation_id })
}

/** The version in If-Match, with or without quotes; null: none was sent. @throws HttpProblem 400 for anything else */
export function versionOf(request: FastifyRequest): number | null {
  const text = request.headers['if-match']
  if (text === undefined) return null
  const [, digits] = /^(?:W\/)?"?(\d{1,9})"?$/.exec(text.trim()) ?? []
  if (digits !== undefined) return Number(digits)
  throw new HttpProblem(400, 'wrong_shape', 'If-Match must be the version that you saw, a number')
}

/** @param of what it is the version of. @throws HttpProblem 428 when none was sent */
export function versionRequired(request: FastifyRequest, of: string): number {
  const version = versionOf(request)
  if (version !== null) return version
  throw new HttpProblem(428, 'version_required', `send "If-Match: <version>", the version of the ${of} that you saw`)
}

/** @throws HttpProblem 400 when it is too long */
export function idempotencyKeyOf(request: FastifyRequest): string | null {
  const key = request.headers['idempotency-key']
  if (typeof key !== 'string') return null
  if (key.length > 0 && key.length <= 128) return key
  throw new HttpProblem(400, 'wrong_shape', 'Idempotency-Key must have 1 to 128 characters')
}
