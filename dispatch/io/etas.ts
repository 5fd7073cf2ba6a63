import { type Pool, type Queryable, transaction } from '../../ingest/io/postgres.ts'
import { type EtaErrors, type EtaPhase, type EtaTold, learnEta, NO_ERRORS } from '../etas/bounds.ts'

/** What was told of arrivals and what came of it. Learning is apart from the couriers' words, which wait for nothing here. */

export interface EtaToldRow extends EtaTold {
  tenant_id: string
  order_id: string
  phase: EtaPhase
  zone_id: string
  trip_id: string
}

/**
 * The first word of a trip stands; that of another trip replaces it. Where two trips name an order, as when the first one could not
 * deliver it, the newer one's counts: a statement may write a row only once.
 */
export async function rememberTold(pool: Queryable, rows: readonly EtaToldRow[]): Promise<void> {
  if (rows.length === 0) return
  await pool.query(
    `INSERT INTO eta_told AS e
     SELECT DISTINCT ON (tenant_id, order_id, phase) * FROM jsonb_populate_recordset(NULL::eta_told, $1::jsonb)
     ORDER BY tenant_id, order_id, phase, trip_id DESC
     ON CONFLICT (tenant_id, order_id, phase) DO UPDATE SET zone_id = EXCLUDED.zone_id, trip_id = EXCLUDED.trip_id,
       told_at = EXCLUDED.told_at, raw_at = EXCLUDED.raw_at, eta = EXCLUDED.eta, eta_from = EXCLUDED.eta_from,
       eta_to = EXCLUDED.eta_to
     WHERE e.trip_id <> EXCLUDED.trip_id AND e.actual_at IS NULL`,
    [JSON.stringify(rows)],
  )
}

type Arrival = EtaToldRow & { actual_at: number }

/** What has come since, in the order in which it was told; each is given once, and what was never delivered not at all. */
const ARRIVED = `
  WITH come AS (
    UPDATE eta_told e SET actual_at = CASE e.phase WHEN 'pickup' THEN o.picked_up_at ELSE o.closed_at END
    FROM orders o
    WHERE e.actual_at IS NULL AND o.tenant_id = e.tenant_id AND o.order_id = e.order_id AND o.trip_id = e.trip_id
      AND CASE e.phase WHEN 'pickup' THEN o.picked_up_at IS NOT NULL ELSE o.state = 'delivered' END
    RETURNING e.*)
  SELECT * FROM come ORDER BY told_at, order_id, phase`

type ErrorsRow = EtaErrors & { tenant_id: string; zone_id: string; phase: EtaPhase }

const keyOf = ({ tenant_id, zone_id, phase }: Pick<ErrorsRow, 'tenant_id' | 'zone_id' | 'phase'>): string =>
  `${tenant_id}/${zone_id}/${phase}`

/** @returns the arrivals that were learnt from */
export function learnArrivals(pool: Pool): Promise<Arrival[]> {
  return transaction(pool, async client => {
    const { rows: arrivals } = await client.query<Arrival>(ARRIVED)
    if (arrivals.length === 0) return []
    const { rows } = await client.query<ErrorsRow>(
      'SELECT * FROM eta_errors ORDER BY tenant_id, zone_id, phase FOR UPDATE',
    )
    const errors = new Map(rows.map(row => [keyOf(row), row]))
    const learnt = new Set<string>()
    for (const arrival of arrivals) {
      const { tenant_id, zone_id, phase, actual_at } = arrival
      const before = errors.get(keyOf(arrival)) ?? NO_ERRORS
      errors.set(keyOf(arrival), { tenant_id, zone_id, phase, ...learnEta(before, arrival, actual_at) })
      learnt.add(keyOf(arrival))
    }
    await client.query(
      `INSERT INTO eta_errors
       SELECT * FROM jsonb_populate_recordset(NULL::eta_errors, $1::jsonb) ORDER BY tenant_id, zone_id, phase
       ON CONFLICT (tenant_id, zone_id, phase) DO UPDATE SET seen = EXCLUDED.seen, inside = EXCLUDED.inside,
         low = EXCLUDED.low, middle = EXCLUDED.middle, high = EXCLUDED.high`,
      [JSON.stringify([...learnt].map(key => errors.get(key)))],
    )
    return arrivals
  })
}

export type ReadErrors = (tenant_id: string, zone_id: string, phase: EtaPhase) => EtaErrors

export async function readErrors(client: Queryable): Promise<ReadErrors> {
  const { rows } = await client.query<ErrorsRow>('SELECT * FROM eta_errors')
  const errors = new Map(rows.map(row => [keyOf(row), row]))
  return (tenant_id, zone_id, phase) => errors.get(keyOf({ tenant_id, zone_id, phase })) ?? NO_ERRORS
}

/** What was told before then, business ms, is of no more use, nor what will never come. */
export async function forgetTold(pool: Pool, before: number): Promise<void> {
  await pool.query('DELETE FROM eta_told WHERE told_at < $1', [before])
  await pool.query(
    `DELETE FROM eta_told e USING orders o WHERE e.actual_at IS NULL
       AND o.tenant_id = e.tenant_id AND o.order_id = e.order_id AND o.closed_at IS NOT NULL AND o.state <> 'delivered'`,
  )
}
