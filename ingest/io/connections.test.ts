import { once } from 'node:events'
import { createRequire } from 'node:module'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, expect, test } from 'vitest'
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

function newConnection(): Connection {
  const Class = require('kafkajs/src/network/connection.js')
  const socketFactory = require('kafkajs/src/network/socketFactory')()
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

test('a connection that was cut within an answer leaves nothing to the next one', async () => {
  mendConnections()
  answers = [
    { write: half, end: true },
    { write: whole, end: false },
    { write: whole, end: false },
  ]
  const connection = newConnection()
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
  const connection = newConnection()
  await Promise.all([connection.connect(), connection.connect()])
  answers = [{ write: whole, end: false }]
  expect(String(await ask(connection))).toBe('x'.repeat(20))
  expect(opened - before).toBe(1)
  await connection.disconnect()
})
