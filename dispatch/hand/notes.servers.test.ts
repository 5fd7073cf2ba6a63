import { describe, expect, test } from 'vitest'
import { DOOR, ZONE } from '../../world/races/stage.ts'
import type { NoteView } from '../contract.ts'
import { notesWithin } from '../io/notes.ts'
import { as, order, stage, until } from './hand.testing.ts'

/** The shift log on the real service. */

const MILK = { zone_id: ZONE, text: 'Milk has run out.', tone: 'warn', warehouse_id: 'w1' }
const post = (note: object, headers = as('partner:ops')) =>
  stage.call<NoteView & { reason: string; detail: string }>('POST', '/v1/dispatch/notes', note, headers)
const read = async (query = '') =>
  (await stage.call<{ notes: NoteView[] }>('GET', `/v1/dispatch/notes?${query}`)).body.notes

describe('a note', () => {
  test('is kept with its audit, told to no topic, and read newest first, page by page', async () => {
    const order_id = await order()
    const note = { ...MILK, point: DOOR, order_id, courier_id: 'c7' }
    const { status, body } = await post(note)
    expect(status).toBe(201)
    expect(body).toMatchObject({ ...note, actor: 'partner:ops', posted_at: expect.any(Number) })
    const later = await post({ zone_id: ZONE, text: 'It is there again.', tone: 'good' }, as('dispatcher:ann'))
    expect(await read(`zone_id=${ZONE}&limit=1`)).toEqual([later.body])
    expect(await read(`before=${later.body.note_id}&limit=1`)).toEqual([body])

    const { rows: audit } = await stage.pool.query('SELECT actor, action, after FROM audit WHERE subject = $1', [
      `note:${body.note_id}`,
    ])
    expect(audit).toEqual([{ actor: 'partner:ops', action: 'note.post', after: body }])
    const { rows: waiting } = await stage.pool.query(
      'SELECT event FROM outbox WHERE strpos(event::text, $1) > 0 OR strpos(event::text, $2) > 0',
      [body.note_id, note.text],
    )
    expect(waiting, 'what enters Kafka cannot be erased').toEqual([])
  })

  test('is found by its time, of one tenant, newest first, five hundred at the most', async () => {
    const posted = [await post(MILK), await post(MILK)].map(({ body }) => body)
    const [from_ms, to_ms] = [posted[0]?.posted_at ?? 0, posted[1]?.posted_at ?? 0]
    const within = (span: { from_ms: number; to_ms: number }, tenant_id = 'demo') =>
      notesWithin(stage.pool, tenant_id, span)
    expect(await within({ from_ms, to_ms: to_ms + 1 })).toEqual(posted.toReversed())
    expect(await within({ from_ms: to_ms + 1, to_ms: to_ms + 60_000 })).toEqual([])
    expect(await within({ from_ms, to_ms: to_ms + 1 }, 'another')).toEqual([])
    await stage.pool.query(
      `INSERT INTO notes (tenant_id, note_id, zone_id, text, tone, posted_at, actor, correlation_id)
       SELECT 'busy', 'n' || n, $1, 'x', 'plain', n, 'partner:ops', 'c' FROM generate_series(1, 502) AS n`,
      [ZONE],
    )
    const many = (await within({ from_ms: 0, to_ms: 502 }, 'busy')).map(({ posted_at }) => posted_at)
    expect([many.length, many.at(0), many.at(-1)]).toEqual([500, 501, 2])
  })

  test('is posted once for its key', async () => {
    const key = { ...as('partner:ops'), 'idempotency-key': 'n-once' }
    const answers = await Promise.all([post(MILK, key), post(MILK, key), post(MILK, key)])
    expect(new Set(answers.map(({ body }) => body.note_id)).size).toBe(1)
    expect(answers.filter(({ headers }) => headers.get('idempotency-replayed') === 'true')).toHaveLength(2)
    expect(await post({ ...MILK, tone: 'bad' }, key)).toMatchObject({ status: 422, body: { reason: 'key_used' } })
  })

  test.each([
    ['a zone that is not there', { zone_id: 'atlantis' }, 404, 'unknown_zone'],
    ['a warehouse that is not there', { warehouse_id: 'w99' }, 422, 'unknown_warehouse'],
    ['an order that is not there', { order_id: 'nobodys' }, 422, 'unknown_order'],
    ['two lines', { text: 'one\ntwo' }, 400, 'wrong_shape'],
    ['nothing said', { text: '' }, 400, 'wrong_shape'],
    ['a tone of its own', { tone: 'loud' }, 400, 'wrong_shape'],
    ['a field that nobody knows', { phone: '1' }, 400, 'unknown_field'],
  ])('is refused with %s', async (_what, wrong, status, reason) => {
    expect(await post({ ...MILK, ...wrong })).toMatchObject({ status, body: { reason } })
  })

  test('is refused about a warehouse of another zone', async () => {
    await stage.pool.query(
      `WITH zone AS (
         INSERT INTO zones (zone_id, tenant_id, name, time_zone, policy)
         SELECT 'evanston', tenant_id, 'Evanston', time_zone, policy FROM zones WHERE zone_id = $1 RETURNING zone_id)
       INSERT INTO warehouses (warehouse_id, zone_id, tenant_id, name, lat, lng, cell, time_zone, utc_offset_s, radius_m,
         pickers, pick_s_per_line, pack_s)
       SELECT 'e1', zone.zone_id, tenant_id, 'e1', lat, lng, cell, time_zone, utc_offset_s, radius_m, pickers,
         pick_s_per_line, pack_s FROM warehouses, zone WHERE warehouse_id = 'w1'`,
      [ZONE],
    )
    const there = { ...MILK, zone_id: 'evanston', warehouse_id: 'e1' }
    await until('dispatch to know the zone', async () => (await post(there)).status === 201)
    for (const wrong of [
      { zone_id: ZONE, warehouse_id: 'e1' },
      { zone_id: 'evanston', warehouse_id: 'w1' },
    ]) {
      expect(await post({ ...MILK, ...wrong })).toMatchObject({ status: 422, body: { reason: 'unknown_warehouse' } })
    }
  })

  test('is refused without a known key', async () => {
    expect((await post(MILK, { ...as('partner:ops'), authorization: 'Bearer nobodys-key' })).status).toBe(401)
  })
})
