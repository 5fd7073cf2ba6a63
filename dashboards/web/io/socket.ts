import { io, type Socket } from 'socket.io-client'
import type { ClientToServer, ServerToClient } from '../../contract.ts'
import { skewOf } from '../clock.ts'
import { type Message, step } from '../room.ts'
import type { Store } from '../store.ts'

/**
 * The thin part around room.ts: joins on every connection, asks again after a gap, and tells the gateway now and then how
 * long a delta took to the screen. Returns what ends it.
 */

const JOIN_WITHIN_MS = 5_000
/** A resync whose snapshot did not come is asked for again. */
const RESYNC_AGAIN_MS = 2_000
const SHOWN_EVERY_MS = 2_000

type Wire = Socket<ServerToClient, ClientToServer>

export function follow(store: Store, url: string): () => void {
  const wire: Wire = io(url, { transports: ['websocket'], reconnectionDelay: 300, reconnectionDelayMax: 3_000 })
  let offset_ms_min = Number.POSITIVE_INFINITY
  let shown_wall_ms = 0

  const take = (message: Message, sent_wall_ms: number) => {
    const heard_wall_ms = Date.now()
    offset_ms_min = Math.min(offset_ms_min, heard_wall_ms - sent_wall_ms)
    const { room, resync } = step(store.get().room, message)
    const live = room.phase === 'following' && store.get().link.phase !== 'live'
    store.set({
      room,
      heard_wall_ms,
      skew_ms: skewOf(offset_ms_min),
      ...(live ? { link: { phase: 'live', since_wall_ms: heard_wall_ms, problem: null } } : {}),
    })
    if (resync) wire.emit('resync', { room: 'network', seq: room.seq })
    if (message.type === 'delta' && heard_wall_ms - shown_wall_ms > SHOWN_EVERY_MS) {
      shown_wall_ms = heard_wall_ms
      reportShown(wire, message.delta.seq, sent_wall_ms + skewOf(offset_ms_min))
    }
  }

  wire.on('connect', () => join(wire, store))
  wire.on('snapshot', snapshot => take({ type: 'snapshot', snapshot }, snapshot.sent_wall_ms))
  wire.on('delta', delta => take({ type: 'delta', delta }, delta.sent_wall_ms))
  wire.on('connect_error', () => interrupted(store, 'The gateway does not answer. Trying again.'))
  wire.on('disconnect', reason => {
    interrupted(store, 'The connection to the gateway was lost. Trying again.')
    // Socket.IO comes back by itself, except when the gateway closed the connection on purpose.
    if (reason === 'io server disconnect') wire.connect()
  })
  const again = setInterval(() => {
    const { room } = store.get()
    if (wire.connected && room.phase === 'lost') wire.emit('resync', { room: 'network', seq: room.seq })
  }, RESYNC_AGAIN_MS)

  return () => {
    clearInterval(again)
    wire.disconnect()
  }
}

function join(wire: Wire, store: Store): void {
  // Deltas of an earlier connection end here: only this join's snapshot goes on.
  const { room } = store.get()
  if (room.phase === 'following') store.set({ room: { ...room, phase: 'lost' } })
  wire.timeout(JOIN_WITHIN_MS).emit('join', { room: 'network' }, (late, answer) => {
    if (late) return wire.disconnect().connect()
    if (!answer.ok) {
      store.set({ link: { phase: 'refused', since_wall_ms: Date.now(), problem: answer.problem } })
    }
  })
}

function interrupted(store: Store, problem: string): void {
  const { link, room } = store.get()
  const phase = room.phase === 'empty' ? 'connecting' : 'reconnecting'
  const since_wall_ms = link.phase === 'live' ? Date.now() : link.since_wall_ms
  store.set({ link: { phase, since_wall_ms, problem } })
}

/** Pixels are there after the frame that follows the next one begins; a hidden tab paints none, so it reports none. */
function reportShown(wire: Wire, seq: number, sent_wall_ms: number): void {
  if (document.hidden) return
  requestAnimationFrame(() =>
    requestAnimationFrame(() => {
      wire.emit('shown', { seq, latency_ms: Math.max(0, Date.now() - sent_wall_ms) })
    }),
  )
}
