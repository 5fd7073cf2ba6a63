import { Type } from 'typebox'
import { ZoneId } from '../../ingest/events/envelope.ts'
import type { Http } from '../../ingest/io/http.ts'
import { PostNote } from '../contract.ts'
import { isRefused } from '../desk.ts'
import { actOf, idempotencyKeyOf, sendRefused } from '../door.ts'
import { readNotes } from '../io/notes.ts'
import { type NoteEffects, postNote } from './notes.ts'

const LIMIT = 50
const Question = Type.Object({
  zone_id: Type.Optional(ZoneId),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200, description: 'notes of a page; default 50' })),
  before: Type.Optional(Type.String({ minLength: 36, maxLength: 36, description: 'note_id of the last one seen' })),
})

/** The shift log, for dispatchers and for partners' operations. */
export function addNoteRoutes({ app, requireScope }: Http, effects: NoteEffects): void {
  const { desk } = effects
  const preHandler = requireScope('dispatch', 'orders')
  app.post('/v1/dispatch/notes', { preHandler, schema: { body: PostNote } }, async (request, reply) => {
    const answer = await postNote(effects, actOf(request, desk), idempotencyKeyOf(request), request.body)
    const told = answer.repeated ? reply.header('idempotency-replayed', 'true') : reply
    if (isRefused(answer)) return sendRefused(told, request, answer.refused)
    return told.code(201).send(answer.done)
  })
  app.get('/v1/dispatch/notes', { preHandler, schema: { querystring: Question } }, async request => {
    const { zone_id = null, before = null, limit = LIMIT } = request.query
    return { notes: await readNotes(desk.pool, request.caller.tenant_id, { zone_id, before, limit }) }
  })
}
