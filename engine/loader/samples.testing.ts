import { anything, constantFrom, dictionary, json, object, oneof, record, uint8Array } from 'fast-check'
import { TOPICS, type Topic } from '../../ingest/contract.ts'
import { PARTITIONS, type Scene } from './scene.testing.ts'

/** For the loader's tests: records of all topics as Waggle writes them, and bytes that it never would. */

/** A Friday, 18:30 UTC. */
export const BEGIN_MS = Date.UTC(2026, 5, 5, 18, 30)

const POINT = { lat: 41.8827, lng: -87.6233 }
export const CELL = '892664c1a8fffff'

export const envelope = (n: number, type: string, data: object) => ({
  event_id: `01900000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`,
  type,
  schema_version: 1,
  tenant_id: 'demo',
  zone_id: 'chicago',
  occurred_at: BEGIN_MS + n * 1_000,
  received_at: BEGIN_MS + n * 1_000 + 5,
  source: 'test',
  actor: 'customer:c1',
  correlation_id: `corr-${n}`,
  data,
})

export const routed = (n: number) => ({
  type: 'order.routed',
  order_id: `o${n}`,
  attempt: 1,
  fulfilments: [{ fulfilment_id: `o${n}.1`, warehouse_id: 'loop', lines: [], ready_at: BEGIN_MS }],
  promise: { ready_at: BEGIN_MS + n * 1_000 + 300_000, deliver_by: BEGIN_MS + n * 1_000 + 900_000 },
  candidates: [{ warehouse_id: 'loop', promise_s: 900, travel_s: 300 }],
  order: { order_id: `o${n}`, customer_ref: 'x', point: POINT, cell: CELL, lines: [{}, {}] },
  placed_at: BEGIN_MS + n * 1_000,
})

export const rejected = (n: number, attempt = 1) => ({
  type: 'order.rejected',
  order_id: `o${n}`,
  attempt,
  reason: 'out_of_stock',
  retryable: true,
  candidates: [],
  order: { order_id: `o${n}`, customer_ref: 'x', point: POINT, cell: CELL, lines: [{}] },
  placed_at: BEGIN_MS + n * 1_000,
})

export const decided = (epoch: number, source_offset: number, decisions: object[]) => ({
  kind: 'decided',
  epoch,
  fold_version: 'f1',
  tenant_id: 'demo',
  zone_id: 'chicago',
  source_offset: String(source_offset),
  causation_id: 'e1',
  correlation_id: `corr-${source_offset}`,
  decided_at: BEGIN_MS + source_offset * 1_000 + 400,
  decisions,
})

export const delivered = (n: number, late_s: number) =>
  envelope(n, 'delivery.delivered', {
    trip_id: `t${n}`,
    version: 3,
    courier_id: 'c1',
    warehouse_id: 'loop',
    order_id: `o${n}`,
    fulfilment_id: `o${n}.1`,
    delivered_at: BEGIN_MS + n * 1_000 + 800_000,
    late_s,
  })

/** Two movements of each source offset: a reservation of two and a receipt of three. */
export const moved = (epoch: number, source_offsets: readonly number[]) => {
  const twice = source_offsets.flatMap(offset => [offset, offset])
  const [first = 0] = source_offsets
  return {
    kind: 'moved',
    epoch,
    fold_version: 'f1',
    from_offset: String(first),
    to_offset: String(source_offsets.at(-1)),
    from_at: BEGIN_MS + first * 1_000,
    warehouses: [{ tenant_id: 'demo', zone_id: 'chicago', warehouse_id: 'loop' }],
    skus: ['milk', 'bread'],
    causes: ['reserved', 'received'],
    refs: ['', ...source_offsets.map(offset => `o${offset}`)],
    rows: {
      source_offset: twice.map(offset => offset - first),
      at: twice.map(offset => (offset - first) * 1_000),
      warehouse: twice.map(() => 0),
      sku: twice.map((offset, row) => (offset + row) % 2),
      cause: twice.map((_, row) => row % 2),
      ref: twice.map((_, row) => (row % 2 === 0 ? row / 2 + 1 : 0)),
      on_hand: twice.map((_, row) => (row % 2 === 0 ? 0 : 3)),
      reserved: twice.map((_, row) => (row % 2 === 0 ? 2 : 0)),
    },
  }
}

/** What a log may hold by mistake or by malice. Each must give one row, and none may hold up what comes after it. */
export const POISON: Buffer[] = [
  Buffer.from('{"type":"order.placed"'),
  Buffer.from([0xff, 0xfe, 0x00, 0x80]),
  Buffer.alloc(0),
  Buffer.from('null'),
  Buffer.from('[]'),
  Buffer.from('"text"'),
  Buffer.from('{"type":7,"data":[1,2]}'),
  Buffer.from('{"type":"order.placed","occurred_at":1e308,"received_at":-1,"tenant_id":null,"data":"x"}'),
  Buffer.from(
    `{"type":"stock.counted","occurred_at":281474976710656,"data":{"quantity":1e300,"cell":"ffffffffffffffff","point":{"lat":1e9,"lng":"x"}}}`,
  ),
  Buffer.from(`{"type":"courier.moved","data":{"cell":"892664c1a8fffff0","courier_id":{"a":1},"speed_mps":1e39}}`),
  Buffer.from(`{"type":"${'x'.repeat(5_000)}","data":{"courier_id":"\\u0000\\ud800","order_id":"${'é'.repeat(400)}"}}`),
  Buffer.from('{"kind":"owner","epoch":-1}'),
  Buffer.from('{"kind":"owner","epoch":1e300}'),
  Buffer.from('{"kind":"decided","epoch":1,"source_offset":"x","decisions":[{}]}'),
  Buffer.from('{"kind":"decided","epoch":1,"source_offset":"5","decisions":[]}'),
  Buffer.from('{"kind":"moved","epoch":1,"from_offset":"5","to_offset":"5","from_at":1,"rows":{"source_offset":[0]}}'),
  Buffer.from(
    '{"kind":"moved","epoch":1,"from_offset":"5","to_offset":"9","rows":{"source_offset":[0,4],"at":["x",1]}}',
  ),
  Buffer.from('{"type":"delivery.delivered","data":{"delivered_at":1e15,"late_s":1.5,"version":-1,"stops":"x"}}'),
  Buffer.from('{"__proto__":{"type":"x"},"type":"made.up","schema_version":99,"extra":[[[]]],"data":{"new":1}}'),
]

export const jsonBytes = (value: unknown): Buffer => Buffer.from(JSON.stringify(value) ?? '')

const spoilt = [
  envelope(1, 'order.placed', routed(1).order),
  delivered(1, 5),
  decided(1, 2, [routed(3)]),
  moved(1, [2, 3]),
].map(sample =>
  record({ field: constantFrom(...Object.keys(sample), 'x'), value: anything() }).map(({ field, value }) => {
    try {
      return jsonBytes({ ...sample, [field]: value })
    } catch {
      return jsonBytes(sample)
    }
  }),
)
const data_fields = constantFrom('point', 'cell', 'quantity', 'delta', 'lines', 'order', 'stops', 'version', 'late_s')
const inside = record({
  type: constantFrom('courier.moved', 'hold.confirmed', 'stock.counted', 'delivery.delivered'),
  data: dictionary(data_fields, oneof(json(), object())),
}).map(jsonBytes)

/** Something of everything, for fast-check: any bytes, any JSON, and our own records with any value in any field. */
export const anyBytes = oneof(
  uint8Array({ maxLength: 200 }).map(bytes => Buffer.from(bytes)),
  json().map(text => Buffer.from(text)),
  inside,
  ...spoilt,
)

/** Some `orders` orders through all topics, half of them delivered, every tenth late; with repeats and poison in between. */
export async function fillLog(scene: Scene, orders: number, first = 0): Promise<void> {
  const sent: Promise<number>[] = []
  const put = (topic: Topic, n: number, value: object | Buffer, headers?: Record<string, string>) => {
    sent.push(scene.put(topic, n % PARTITIONS, value, headers))
  }
  for (let n = first; n < first + orders; n += 1) {
    put('operations', n, envelope(n, 'order.placed', { ...routed(n).order }))
    put('operations', n, envelope(n, 'stock.adjusted', { warehouse_id: 'loop', sku: 'milk', unit: 'each', delta: -2 }))
    put('couriers', n, envelope(n, 'courier.moved', { courier_id: `c${n % 7}`, point: POINT, cell: CELL }))
    const record = decided(1, n, n % 5 === 0 ? [rejected(n)] : [routed(n), { type: 'stock.shortfall', missing: 1 }])
    put('decisions', n, record)
    if (n % 11 === 0) put('decisions', n, record)
    // Each partition has every third n: records of four source offsets, and each third of them once more.
    if (n >= first + 3 * PARTITIONS && (n / PARTITIONS) % 4 < 1) {
      const record = moved(
        1,
        [3, 2, 1, 0].map(back => n - back * PARTITIONS),
      )
      put('movements', n, record)
      if (n % 5 === 0) put('movements', n, record)
    }
    if (n % 2 === 0) put('deliveries', n, delivered(n, n % 10 === 0 ? 60 : -60))
    if (n % 6 === 0) put('deliveries', n, delivered(n, n % 10 === 0 ? 60 : -60))
    if (n % 9 === 0) {
      const headers = {
        origin_topic: 'operations',
        origin_partition: '1',
        origin_offset: String(n),
        reason: 'not_json',
      }
      put('dead-letters', n, Buffer.from('{'), { ...headers, detail: 'the value is not JSON' })
    }
  }
  for (const topic of Object.keys(TOPICS) as Topic[]) {
    for (const [n, bytes] of POISON.entries()) put(topic, n, bytes)
  }
  await Promise.all(sent)
}
