import { once } from 'node:events'
import { createRequire } from 'node:module'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { type ISocketFactory, Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { answersWhole, letGo, need } from './answers.ts'
import { mendConnections } from './connections.ts'

const require = createRequire(import.meta.url)

interface Connection {
  connect(): Promise<boolean>
  disconnect(): Promise<boolean>
  send(asked: { request: object; response: object }): Promise<Buffer>
}

type Answer = (correlation_id: number) => Buffer
/** What the broker that is played here does with the next request. */
let answers: { write: Answer; end: boolean }[] = []
let opened = 0
const server = createServer(socket => {
  opened += 1
  socket.on('error', () => {})
  socket.on('data', request => {
    const next = answers.shift()
    if (!next) return
    const bytes = next.write((request as Buffer).readInt32BE(8))
    if (next.end) socket.end(bytes)
    else socket.write(bytes)
  })
  sockets.add(socket)
})
const sockets = new Set<Socket>()

beforeAll(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
})
afterAll(() => {
  for (const socket of sockets) socket.destroy()
  server.close()
})

/** Length, correlation id, and then what was asked for. */
const whole: Answer = correlation_id => {
  const answer = Buffer.alloc(8 + 20, 'x')
  answer.writeInt32BE(24, 0)
  answer.writeInt32BE(correlation_id, 4)
  return answer
}
const half: Answer = correlation_id => whole(correlation_id).subarray(0, 14)

const theirs: ISocketFactory = require('kafkajs/src/network/socketFactory')()

function newConnection(socketFactory = answersWhole): Connection {
  const Class = require('kafkajs/src/network/connection.js')
  const logger = new Kafka({ brokers: ['127.0.0.1:1'], logLevel: logLevel.NOTHING }).logger()
  const { port } = server.address() as AddressInfo
  const times = { connectionTimeout: 2_000, requestTimeout: 2_000 }
  return new Class({ host: '127.0.0.1', port, logger, socketFactory, ...times })
}

function ask(connection: Connection): Promise<Buffer> {
  const request = require('kafkajs/src/protocol/requests/apiVersions/v0/request')()
  const response = { decode: async (payload: Buffer) => payload, parse: async (payload: Buffer) => payload }
  return connection.send({ request, response })
}

describe.each([
  ['our sockets', answersWhole],
  ["kafkajs's sockets", theirs],
] as const)('on %s', (_, socketFactory) => {
  test('a connection that was cut within an answer leaves nothing to the next one', async () => {
    mendConnections()
    answers = [
      { write: half, end: true },
      { write: whole, end: false },
      { write: whole, end: false },
    ]
    const connection = newConnection(socketFactory)
    await connection.connect()
    await expect(ask(connection)).rejects.toThrow('Closed connection')
    await connection.connect()
    expect(String(await ask(connection))).toBe('x'.repeat(20))
    expect(String(await ask(connection))).toBe('x'.repeat(20))
    await connection.disconnect()
  })

  test('two who want to connect at once share one connection', async () => {
    mendConnections()
    const before = opened
    const connection = newConnection(socketFactory)
    await Promise.all([connection.connect(), connection.connect()])
    answers = [{ write: whole, end: false }]
    expect(String(await ask(connection))).toBe('x'.repeat(20))
    expect(opened - before).toBe(1)
    await connection.disconnect()
  })
})

test('of a long answer no copy is made, whatever came before it', async () => {
  mendConnections()
  const connection = newConnection()
  await connection.connect()
  const long: Answer = correlation_id => {
    const answer = Buffer.alloc(200_000, 'y')
    answer.writeInt32BE(answer.length - 4, 0)
    answer.writeInt32BE(correlation_id, 4)
    return answer
  }
  answers = [whole, long, long].map(write => ({ write, end: false }))
  expect(String(await ask(connection))).toBe('x'.repeat(20))
  for (const payload of [await ask(connection), await ask(connection)]) {
    expect(String(payload)).toBe('y'.repeat(200_000 - 8))
    // Of the answer's own memory, not of a copy: that one knows how to be freed.
    need(payload)
    letGo(payload)
    expect(payload.length).toBe(0)
  }
  await connection.disconnect()
})

test('what is no broker of Kafka is told from one', async () => {
  mendConnections()
  const connection = newConnection()
  await connection.connect()
  answers = [{ write: () => Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), end: false }]
  await expect(ask(connection)).rejects.toThrow('an answer of 1213486160 bytes: is this a broker of Kafka?')
})
