import type { Server as HttpServer, IncomingHttpHeaders } from 'node:http'
import { Server, type Socket } from 'socket.io'
import type { ClientToServer, Delta, ServerToClient, Snapshot } from '../contract.ts'

/**
 * The room on Socket.IO. A delta is serialised once for all pages.
 *
 *   join ──► snapshot, in the room ──► deltas ──┐
 *                 ▲                             │ more than buffer_bytes_max wait for it
 *                 │     its buffer is empty     ▼
 *                 └───────────────────────  left out    (for at most 60 s, then it is cut off)
 *
 * Connection-state recovery stays off: it is at most once, and would pass by `admit`.
 */

export interface SocketsOptions {
  server: HttpServer
  /** Throws when this connection may not look; asked at every connection. `key`: from the page's handshake. */
  admit: (headers: IncomingHttpHeaders, key: string | undefined) => void
  snapshot: () => Snapshot
  shown: (report: { seq: number; latency_ms: number }) => void
  clients_max: number
  buffer_bytes_max: number
}

export interface Sockets {
  clients(): number
  /** pages left out at the moment */
  lagging(): number
  snapshots_sent(): number
  send(delta: Delta): void
  close(): Promise<void>
}

type Page = Socket<ClientToServer, ServerToClient>

const ROOM = 'network'
const MESSAGE_BYTES_MAX = 16_384
const RESYNC_MS_MIN = 250
const LAGGING_MS_MAX = 60_000

export function openSockets(options: SocketsOptions): Sockets {
  const io = new Server<ClientToServer, ServerToClient>(options.server, {
    serveClient: false,
    transports: ['websocket', 'polling'],
    maxHttpBufferSize: MESSAGE_BYTES_MAX,
    perMessageDeflate: false,
    pingInterval: 10_000,
    pingTimeout: 10_000,
  })
  const lagging = new Map<Page, number>()
  let snapshots = 0

  const sendSnapshot = (page: Page): void => {
    snapshots += 1
    page.emit('snapshot', options.snapshot())
  }

  io.use((page, next) => {
    const refusal = refusalOf(options, page, io.engine.clientsCount)
    next(refusal)
  })

  io.on('connection', (page: Page) => {
    let resynced_ms = 0
    page.on('join', (request, answer) => {
      if (typeof answer !== 'function') return
      if (request?.room !== ROOM) return answer({ ok: false, problem: `there is one room: ${ROOM}` })
      answer({ ok: true })
      sendSnapshot(page)
      void page.join(ROOM)
    })
    page.on('resync', () => {
      const now_ms = Date.now()
      if (!page.rooms.has(ROOM) || now_ms - resynced_ms < RESYNC_MS_MIN) return
      resynced_ms = now_ms
      sendSnapshot(page)
    })
    page.on('shown', report => {
      if (isReport(report)) options.shown(report)
    })
    page.on('disconnect', () => lagging.delete(page))
  })

  function leaveOut(page: Page): void {
    lagging.set(page, Date.now())
    void page.leave(ROOM)
  }

  function takeBack(page: Page, since_ms: number): void {
    if (waitingBytes(page) === 0) {
      lagging.delete(page)
      sendSnapshot(page)
      void page.join(ROOM)
    } else if (Date.now() - since_ms > LAGGING_MS_MAX) page.disconnect(true)
  }

  return {
    clients: () => io.of('/').sockets.size,
    lagging: () => lagging.size,
    snapshots_sent: () => snapshots,
    send(delta) {
      for (const [page, since_ms] of lagging) takeBack(page, since_ms)
      for (const id of io.of('/').adapter.rooms.get(ROOM) ?? []) {
        const page = io.of('/').sockets.get(id)
        if (page && waitingBytes(page) > options.buffer_bytes_max) leaveOut(page)
      }
      io.to(ROOM).emit('delta', delta)
    },
    async close() {
      io.disconnectSockets(true)
      io.engine.close()
      io.removeAllListeners()
    },
  }
}

function refusalOf({ admit, clients_max }: SocketsOptions, page: Page, connected: number): Error | undefined {
  const { key } = page.handshake.auth as { key?: unknown }
  if (connected > clients_max) return new Error(`this gateway serves ${clients_max} pages at most: start another one`)
  try {
    admit(page.handshake.headers, typeof key === 'string' ? key : undefined)
    return undefined
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}

function isReport(report: unknown): report is { seq: number; latency_ms: number } {
  const { seq, latency_ms } = (report ?? {}) as { seq?: unknown; latency_ms?: unknown }
  return Number.isSafeInteger(seq) && typeof latency_ms === 'number' && latency_ms >= 0 && latency_ms < 600_000
}

/** What waits in this process for one page: packets not yet given to the connection, and bytes the kernel has not taken. */
function waitingBytes({ conn }: Page): number {
  // engine.io calls both private, and offers no other way to see a slow client before the heap does.
  const { writeBuffer, transport } = conn as unknown as Buffers
  const queued = writeBuffer.reduce((bytes, { data }) => bytes + (data?.byteLength ?? data?.length ?? 0), 0)
  return queued + (transport.socket?.bufferedAmount ?? 0)
}

interface Buffers {
  writeBuffer: { data?: { length: number; byteLength?: number } }[]
  transport: { socket?: { bufferedAmount?: number } }
}
