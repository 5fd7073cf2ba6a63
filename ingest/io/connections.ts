import { createRequire } from 'node:module'
import type { Socket } from 'node:net'

/**
 * kafkajs uses one object for all connections to a broker, one after the other, and keeps in it what it has read of an
 * unfinished answer. Cut in the middle of an answer, it reads the next connection's bytes as the rest of that one: found by
 * test:faults as requests that are never answered, as "Broker not connected" for ever, and as a RangeError in a socket's
 * listener, which ends the process. So each connection begins with nothing read, one that is being opened is not opened
 * twice, and the one before is not listened to any more.
 */
const CONNECTION = 'kafkajs/src/network/connection.js'
/** of the length that stands before an answer */
const LENGTH_BYTES = 4

interface Connection {
  isConnected(): boolean
  connect(): Promise<boolean>
  processData(data: Buffer): void
  socket?: Socket | null
  chunks: Buffer[]
  bytesBuffered: number
  bytesNeeded: number
}

/** Once is enough for all clients of the process. @throws Error when kafkajs is another version than the one that is pinned */
export function mendConnections(): void {
  const { prototype } = createRequire(import.meta.url)(CONNECTION) as { prototype: Connection }
  if ('mended' in prototype) return
  const { connect, processData } = prototype
  if (typeof connect !== 'function' || typeof processData !== 'function')
    throw new Error(`${CONNECTION} cannot be mended: is kafkajs another version?`)
  const connecting = new WeakMap<Connection, Promise<boolean>>()
  prototype.connect = function (this: Connection) {
    if (this.isConnected()) return connect.call(this)
    let opening = connecting.get(this)
    if (!opening) {
      forget(this)
      opening = connect.call(this).finally(() => connecting.delete(this))
      connecting.set(this, opening)
    }
    return opening
  }
  // What is left over after an answer, be it of no bytes, is put together with the next answer: a copy of all that Kafka sends.
  prototype.processData = function (this: Connection, data: Buffer) {
    if (this.bytesBuffered === 0) this.chunks = []
    processData.call(this, data)
  }
  Object.assign(prototype, { mended: true })
}

function forget(connection: Connection): void {
  const { socket } = connection
  socket?.removeAllListeners()
  socket?.on('error', () => {})
  socket?.destroy()
  connection.chunks = []
  connection.bytesBuffered = 0
  connection.bytesNeeded = LENGTH_BYTES
}
