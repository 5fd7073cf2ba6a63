import { ClickHouseLogLevel, createClient } from '@clickhouse/client'
import type { Shelves } from './shelves.ts'
import type { Minute, Trail } from './trail.ts'

/** ClickHouse against the log beyond the counts: each decision once and void where it is void, and the rollup by the minute. */
export interface LoadedFaults {
  lost: string[]
  doubled: string[]
  differing: string[]
}

interface DecisionRows {
  p: number
  o: number
  rows: number
  distinct: number
  voids: number
}

interface MinuteRow extends Minute {
  zone_id: string
  minute_s: number
}

export async function compareLoadedDeeply(url: string, database: string, trail: Trail): Promise<LoadedFaults> {
  return asking(url, database, async rowsOf => {
    const decisions = await rowsOf<DecisionRows>(
      `SELECT kafka_partition AS p, toFloat64(kafka_offset) AS o, toFloat64(count()) AS rows,
         toFloat64(uniqExact(decision_index)) AS distinct, toFloat64(sum(void)) AS voids
       FROM decisions GROUP BY p, o`,
    )
    const minutes = await rowsOf<MinuteRow>(
      `SELECT zone_id, toFloat64(toUnixTimestamp(minute)) AS minute_s, toFloat64(placed) AS placed,
         toFloat64(routed) AS routed, toFloat64(rejected) AS rejected, toFloat64(cancelled) AS cancelled
       FROM orders_per_minute`,
    )
    const faults: LoadedFaults = { lost: [], doubled: [], differing: [] }
    compareDecisions(decisions, trail, faults)
    compareMinutes(minutes, trail, faults)
    return faults
  })
}

type RowsOf = <Row>(query: string) => Promise<Row[]>

async function asking<Result>(
  url: string,
  database: string,
  work: (rowsOf: RowsOf) => Promise<Result>,
): Promise<Result> {
  const client = createClient({ url, database, log: { level: ClickHouseLogLevel.OFF } })
  try {
    return await work(async <Row>(query: string) => {
      const answer = await client.query({ query, format: 'JSONEachRow' })
      return answer.json<Row>()
    })
  } finally {
    await client.close()
  }
}

/** The sum of the ledger against the plain bookkeeping. @returns what differs */
export async function compareLedger(url: string, database: string, { shelves }: Shelves): Promise<string[]> {
  const query = `SELECT concat(warehouse_id, ' ', sku) AS key, toFloat64(sum(on_hand)) AS on_hand,
      toFloat64(sum(reserved)) AS reserved, toFloat64(sum(safety)) AS safety
    FROM movements WHERE void = 0 AND type = 'moved' GROUP BY key`
  type Sum = { key: string; on_hand: number; reserved: number; safety: number }
  const sums = await asking(url, database, rowsOf => rowsOf<Sum>(query))
  const there = new Map(sums.map(sum => [sum.key, sum]))
  return [...shelves].flatMap(([key, wanted]) => {
    const { on_hand = 0, reserved = 0, safety = 0 } = there.get(key) ?? {}
    if (on_hand === wanted.on_hand && reserved === wanted.reserved && safety === wanted.safety) return []
    const by_hand = `${wanted.on_hand} ${wanted.reserved} ${wanted.safety}`
    return [`${key}: the ledger sums up to ${on_hand} ${reserved} ${safety}, plain bookkeeping to ${by_hand}`]
  })
}

function compareDecisions(loaded: readonly DecisionRows[], trail: Trail, faults: LoadedFaults): void {
  const there = new Map(loaded.map(row => [`${row.p}/${row.o}`, row]))
  for (const [at, { rows, is_void }] of trail.decisions) {
    const row = there.get(at)
    if (row === undefined || row.distinct < rows) faults.lost.push(`decisions/${at} is not whole in ClickHouse`)
    else if (row.rows > rows) faults.doubled.push(`decisions/${at} has ${row.rows} rows in ClickHouse, not ${rows}`)
    else if (row.voids !== (is_void ? rows : 0))
      faults.differing.push(`decisions/${at} is ${is_void ? '' : 'not '}void by the log, and ClickHouse says otherwise`)
  }
}

const NOTHING: Minute = { placed: 0, routed: 0, rejected: 0, cancelled: 0 }

function compareMinutes(loaded: readonly MinuteRow[], trail: Trail, faults: LoadedFaults): void {
  const there = new Map(loaded.map(row => [`${row.zone_id} ${row.minute_s}`, row]))
  for (const key of new Set([...there.keys(), ...trail.minutes.keys()])) {
    const wanted = trail.minutes.get(key) ?? NOTHING
    const row = there.get(key) ?? NOTHING
    for (const what of Object.keys(NOTHING) as (keyof Minute)[]) {
      if (row[what] === wanted[what]) continue
      const kind = row[what] > wanted[what] ? faults.doubled : faults.lost
      kind.push(`orders_per_minute ${key}: ${row[what]} ${what}, and ${wanted[what]} by the log`)
    }
  }
}
