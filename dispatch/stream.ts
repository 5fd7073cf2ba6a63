import type { ServerResponse } from 'node:http'
import type { Pool } from '../ingest/io/postgres.ts'
import type { Bus } from './bus.ts'
import type { Changed } from './desk.ts'
import { readOpenWork } from './io/book.ts'
import type { Metrics } from './metrics.ts'
import { moveView, orderView, tripView } from './rows.ts'

/**
 * GET /v1/work/stream: a snapshot, then rows as they change. Rows are absolute and carry versions, so what is told twice,
 * or before the snapshot holds it, does no harm.
 *
 *   subscribe ─► read snapshot ─► write it ─► write what came meanwhile ─► live
 *
 * Who reads too slowly is dropped; a reconnect begins with a new snapshot.
 */

export interface WorkStreams {
  open(tenant_id: string, response: ServerResponse): Promise<void>
  /** Ends all of them. */
  close(): void
}

const PING_MS = 5_000
/** Bytes that Node holds for one slow reader, and that gather while a snapshot is read. */
const BUFFER_BYTES_MAX = 4 * 1024 * 1024
/** ms that a reader waits before it comes again */
const RETRY_MS = 1_000

interface Client {
  tenant_id: string
  response: ServerResponse
  /** null: live */
  pending: string[] | null
  pending_bytes: number
}

export function openStreams(options: { pool: Pool; bus: Bus; now: () => number; metrics: Metrics }): WorkStreams {
  const { pool, bus, now, metrics } = options
  const clients = new Set<Client>()
  const unsubscribe = bus.subscribe(tell)
  const pinging = setInterval(() => {
    const text = frame('ping', { time_ms: now() })
    for (const client of clients) send(client, text)
  }, PING_MS)

  function tell(change: Changed): void {
    if (clients.size === 0) return
    const frames = framesOf(change)
    for (const client of clients) {
      const text = frames.get(client.tenant_id)
      if (text) send(client, text)
    }
  }

  function send(client: Client, text: string): void {
    if (client.pending) {
      client.pending.push(text)
      client.pending_bytes += text.length
    } else client.response.write(text)
    if (client.response.writableLength + client.pending_bytes <= BUFFER_BYTES_MAX) return
    metrics.streams_dropped.inc()
    client.response.destroy()
    forget(client)
  }

  function forget(client: Client): void {
    if (clients.delete(client)) metrics.streams.set(clients.size)
  }

  return {
    async open(tenant_id, response) {
      const client: Client = { tenant_id, response, pending: [], pending_bytes: 0 }
      clients.add(client)
      metrics.streams.set(clients.size)
      response.on('close', () => forget(client))
      response.on('error', () => forget(client))
      response.write(`retry: ${RETRY_MS}\n${frame('snapshot', await readOpenWork(pool, tenant_id))}`)
      for (const text of client.pending ?? []) response.write(text)
      client.pending = null
      client.pending_bytes = 0
    },
    close() {
      clearInterval(pinging)
      unsubscribe()
      for (const client of clients) client.response.end()
      clients.clear()
    },
  }
}

const frame = (event: string, data: unknown): string => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`

/** tenant → the frames of one change; each row is written once, however many listen. */
function framesOf({ orders, trips, moves = [] }: Changed): Map<string, string> {
  const frames = new Map<string, string>()
  const add = (tenant_id: string, text: string) => frames.set(tenant_id, (frames.get(tenant_id) ?? '') + text)
  for (const order of orders) add(order.tenant_id, frame('order', orderView(order)))
  for (const trip of trips) add(trip.tenant_id, frame('trip', tripView(trip)))
  for (const move of moves) add(move.tenant_id, frame('move', moveView(move)))
  return frames
}
