import { getResolution, isValidCell } from 'h3-js'
import { Type } from 'typebox'
import { type Caller, type EventDraft, TRAVEL_CELLS_MAX, TravelWrite } from './contract.ts'
import { CELL_RESOLUTION, WarehouseId } from './events/envelope.ts'
import { TRAVEL_PART_CELLS_MAX } from './events/network.ts'
import type { Http } from './io/http.ts'
import { enqueue } from './io/outbox.ts'
import { type Queryable, transaction } from './io/postgres.ts'
import { HttpProblem } from './io/problem.ts'
import { inTheLog, type NetworkDoor } from './network_routes.ts'

/** The admin door of travel tables: seconds on the road from a warehouse by H3 cell, replaced whole. */

/** 27 bytes a cell and its seconds as JSON. */
const BODY_BYTES_MAX = 40 * TRAVEL_CELLS_MAX

export function addTravelRoute({ app, requireScope }: Http, door: NetworkDoor): void {
  const schema = { params: Type.Object({ warehouse_id: WarehouseId }), body: TravelWrite }
  const options = { preHandler: requireScope('network:write'), schema, bodyLimit: BODY_BYTES_MAX }
  app.put('/v1/warehouses/:warehouse_id/travel', options, async request => {
    const { params, body, caller, correlation_id } = request
    checkTravel(body)
    const written = await transaction(door.pool, client =>
      writeTravel(client, door, params.warehouse_id, body, caller, correlation_id),
    )
    await inTheLog(door, written.ids)
    const { warehouse_id } = params
    return { warehouse_id, version: written.version, cells: body.cells.length, parts: written.ids.length }
  })
}

function checkTravel({ cells, seconds }: TravelWrite): void {
  if (cells.length !== seconds.length) {
    const detail = `${cells.length} cells and ${seconds.length} seconds: every cell needs its own`
    throw new HttpProblem(400, 'wrong_shape', detail, { pointer: '/seconds' })
  }
  const seen = new Set<string>()
  for (const [place, cell] of cells.entries()) {
    const pointer = `/cells/${place}`
    if (!isValidCell(cell) || getResolution(cell) > CELL_RESOLUTION) {
      const detail = `${cell} is not an H3 cell of resolution ${CELL_RESOLUTION} or coarser`
      throw new HttpProblem(400, 'wrong_shape', detail, { pointer })
    }
    if (seen.has(cell)) throw new HttpProblem(400, 'wrong_shape', `${cell} stands twice in the table`, { pointer })
    seen.add(cell)
  }
}

async function writeTravel(
  client: Queryable,
  door: NetworkDoor,
  warehouse_id: WarehouseId,
  { cells, seconds }: TravelWrite,
  caller: Caller,
  correlation_id: string,
): Promise<{ version: number; ids: number[] }> {
  const { rows } = await client.query<{ version: number; zone_id: string }>(
    `INSERT INTO travel_tables AS t (warehouse_id, version, cells, set_by)
     SELECT warehouse_id, 1, $3, $4 FROM warehouses WHERE warehouse_id = $1 AND tenant_id = $2
     ON CONFLICT (warehouse_id) DO UPDATE SET version = t.version + 1, cells = $3, set_by = $4, updated_at = now()
     RETURNING version, (SELECT zone_id FROM warehouses WHERE warehouse_id = $1) AS zone_id`,
    [warehouse_id, caller.tenant_id, cells.length, caller.actor],
  )
  const [row] = rows
  if (!row) {
    const detail = `there is no warehouse ${warehouse_id}: write it first with PUT /v1/warehouses/{id}`
    throw new HttpProblem(404, 'unknown_warehouse', detail)
  }
  const { version, zone_id } = row
  const drafts = partsOf({ cells, seconds }).map(
    (part): EventDraft => ({ type: 'travel.set', zone_id, data: { warehouse_id, version, ...part } }),
  )
  const accepted = drafts.map(draft => door.publisher.acceptOwn(draft, { caller, correlation_id }))
  return { version, ids: await enqueue(client, accepted) }
}

/** An empty table is one empty part: the great circle counts again. */
function partsOf({ cells, seconds }: TravelWrite) {
  const parts = Math.max(1, Math.ceil(cells.length / TRAVEL_PART_CELLS_MAX))
  return Array.from({ length: parts }, (_, part) => {
    const from = part * TRAVEL_PART_CELLS_MAX
    const to = from + TRAVEL_PART_CELLS_MAX
    return { part, parts, cells: cells.slice(from, to), seconds: seconds.slice(from, to) }
  })
}
