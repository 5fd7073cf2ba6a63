import type { ClickHouseClient } from '@clickhouse/client'

/** What the map needs of the past, from the raw tables of ClickHouse. All times are ms of the business clock. */

export interface HistorySpan {
  tenant_id: string
  from_ms: number
  to_ms: number
}

/** The last place that a courier was seen at within a step; `slot` 0 begins at `from_ms`. */
export interface PlaceRow {
  courier_id: string
  slot: number
  lng: number
  lat: number
}

/** Something that changed orders: of a decision one, of a trip those that its stops name. */
export interface OrderRow {
  at: number
  type: string
  order_ids: string[]
  attempt: number
  /** empty: it names none */
  warehouse_id: string
  courier_id: string
  reason: string
  lines: number
  lat: number | null
  lng: number | null
  deliver_by: number | null
}

export interface PauseRow {
  at: number
  warehouse_id: string
  paused: 0 | 1
}

export interface PastRows {
  places: PlaceRow[]
  orders: OrderRow[]
  pauses: PauseRow[]
}

const ROWS_MAX = 400_000
/** An order is brought within an hour, so who is open at the beginning was placed after this. */
const BEFORE_MS = 60 * 60_000

/** A name given to a result hides the column of that name, so columns are called by their table where both are there. */

/** The tables are ordered by the hour first: to name it is what makes the question cheap. */
const WITHIN = `tenant_id = {tenant_id:String}
    AND toStartOfHour(occurred_at) >= toStartOfHour(fromUnixTimestamp64Milli({since:Int64}, 'UTC'))
    AND occurred_at >= fromUnixTimestamp64Milli({since:Int64}, 'UTC')
    AND occurred_at < fromUnixTimestamp64Milli({to:Int64}, 'UTC')`

const PLACES = `
  SELECT courier_id, toUInt32(intDiv(toUnixTimestamp64Milli(occurred_at) - {since:Int64}, {step:Int64})) AS slot,
    argMax(assumeNotNull(seen.lng), occurred_at) AS lng, argMax(assumeNotNull(seen.lat), occurred_at) AS lat
  FROM couriers AS seen
  WHERE ${WITHIN} AND courier_id != '' AND isNotNull(seen.lat) AND isNotNull(seen.lng)
  GROUP BY courier_id, slot
  ORDER BY courier_id, slot
  LIMIT ${ROWS_MAX}`

const ORDERS = `
  SELECT * FROM (
    SELECT toUnixTimestamp64Milli(occurred_at) AS at, toString(d.type) AS type, [order_id] AS order_ids, attempt,
      toString(d.warehouse_id) AS warehouse_id, '' AS courier_id, toString(d.reason) AS reason, lines, lat, lng,
      toUnixTimestamp64Milli(d.deliver_by) AS deliver_by
    FROM decisions AS d
    WHERE ${WITHIN} AND void = 0 AND order_id != '' AND d.type IN
      ('order.routed', 'order.rerouted', 'order.rejected', 'order.cancelled', 'order.picking', 'order.packed')
    UNION ALL
    SELECT toUnixTimestamp64Milli(occurred_at), toString(type),
      if(order_id != '', [order_id], arrayDistinct(arrayMap(s -> JSONExtractString(s, 'order_id'), JSONExtractArrayRaw(data, 'stops')))),
      0, '', toString(courier_id), toString(reason), 0, NULL, NULL, NULL
    FROM deliveries
    WHERE ${WITHIN} AND type IN
      ('trip.assigned', 'trip.changed', 'delivery.picked_up', 'delivery.delivered', 'delivery.failed')
  )
  ORDER BY at, type
  LIMIT ${ROWS_MAX}`

const PAUSES = `
  SELECT toUnixTimestamp64Milli(occurred_at) AS at, toString(o.warehouse_id) AS warehouse_id,
    toUInt8(type = 'warehouse.paused') AS paused
  FROM operations AS o
  WHERE ${WITHIN} AND type IN ('warehouse.paused', 'warehouse.resumed')
  ORDER BY at
  LIMIT ${ROWS_MAX}`

/** @throws the client's error when ClickHouse cannot be asked */
export async function readHistory(
  client: ClickHouseClient,
  span: HistorySpan & { step_ms: number },
): Promise<PastRows> {
  const { tenant_id, from_ms, to_ms, step_ms } = span
  const ask = async <Row>(query: string, since: number): Promise<Row[]> => {
    const result = await client.query({
      query,
      query_params: { tenant_id, since, to: to_ms, step: step_ms },
      format: 'JSONEachRow',
      clickhouse_settings: { output_format_json_quote_64bit_integers: 0 },
    })
    return result.json<Row>()
  }
  // One after the other: an embedded server has few sessions, and the loader's inserts need them.
  const places = await ask<PlaceRow>(PLACES, from_ms)
  const orders = await ask<OrderRow>(ORDERS, from_ms - BEFORE_MS)
  return { places, orders, pauses: await ask<PauseRow>(PAUSES, from_ms) }
}
