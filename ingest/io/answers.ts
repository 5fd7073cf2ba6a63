import { connect, type Socket } from 'node:net'
import type { ISocketFactory } from 'kafkajs'

/**
 * A broker's answers, each in one buffer of its own and handed to kafkajs when it is whole. kafkajs keeps the pieces in which Node reads a
 * socket, 64 KB of new memory each, and copies them together at the end: twice the memory outside of V8's heap, which V8 answers with a
 * collection of the whole heap for every so many megabytes.
 */

const READ_BYTES = 64 * 1024
const KEEP_ALIVE_MS = 60_000
/** of the length that stands before an answer */
const LENGTH_BYTES = 4
/** kafkajs asks for 10 MB at a time. What is longer is some other protocol, read as a length. */
const ANSWER_BYTES_MAX = 256 * 1024 * 1024

/** For kafkajs. It fails like any socket of Node's. */
export const answersWhole: ISocketFactory = ({ host, port, ssl, onConnect }) => {
  if (ssl) throw new Error('Kafka over TLS is not built: Node reads such a socket in its own way')
  const answers = newAnswers(
    answer => socket.emit('data', answer),
    error => socket.destroy(error),
  )
  const callback = (bytes: number, buffer: Uint8Array): boolean => {
    answers.take(buffer.subarray(0, bytes))
    return true
  }
  const onread = { buffer: Buffer.allocUnsafeSlow(READ_BYTES), callback }
  const socket: Socket = connect({ host, port, onread }, onConnect)
  return socket.setKeepAlive(true, KEEP_ALIVE_MS)
}

export interface Answers {
  /** Takes what was read next, and keeps none of it. */
  take(piece: Uint8Array): void
}

/**
 * @param each gets every answer with its length before it
 * @param fail told once, of what cannot be an answer of Kafka's; whatever else comes is left alone
 */
export function newAnswers(each: (answer: Buffer) => void, fail: (error: Error) => void): Answers {
  const length = Buffer.alloc(LENGTH_BYTES)
  /** null: its length is not known yet */
  let answer: Buffer | null = null
  let end = 0
  let failed = false

  return {
    take(piece) {
      for (let at = 0; at < piece.length && !failed; ) {
        const into: Buffer = answer ?? length
        const part = piece.subarray(at, at + into.length - end)
        into.set(part, end)
        at += part.length
        end += part.length
        if (end < into.length) return
        if (!answer) {
          const bytes = length.readInt32BE()
          failed = bytes < 0 || bytes > ANSWER_BYTES_MAX
          if (failed) fail(new Error(`an answer of ${bytes} bytes: is this a broker of Kafka?`))
          else answer = roomFor(length, bytes)
        }
        if (!answer || end < answer.length) continue
        const whole = answer
        answer = null
        end = 0
        each(whole)
      }
    },
  }
}

// ── Their memory ────────────────────────────────────────────────────────────────────────────────────────────────────

/** By an answer's memory: how many parts of it somebody needs. Small ones share theirs and are left to the collector. */
const needed = new WeakMap<ArrayBufferLike, number>()
const FREED_BYTES_MIN = 64 * 1024

/** Somebody needs a part of it. A `letGo` may follow, never two: without it the collector frees the answer. */
export const need = ({ buffer }: Buffer): void => void needed.set(buffer, (needed.get(buffer) ?? 0) + 1)

/** Nobody may free it: we do not see what becomes of a part. */
export const needForEver = ({ buffer }: Buffer): void => void needed.set(buffer, Number.POSITIVE_INFINITY)

/** That part is not needed any more; with the last one the answer is freed, and what still points into it is empty. */
export function letGo({ buffer }: Buffer): void {
  const left = (needed.get(buffer) ?? Number.POSITIVE_INFINITY) - 1
  needed.set(buffer, left)
  if (left === 0 && owned.has(buffer) && buffer instanceof ArrayBuffer) buffer.transfer(0)
}

/** Memory that holds one answer of a broker, and nothing else. */
const owned = new WeakSet<ArrayBufferLike>()

function roomFor(length: Buffer, bytes: number): Buffer {
  const room = Buffer.allocUnsafe(LENGTH_BYTES + bytes)
  if (room.length >= FREED_BYTES_MIN) owned.add(room.buffer)
  room.set(length)
  return room
}
