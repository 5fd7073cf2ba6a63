import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { type Cut, openProxy, type TcpProxy } from './proxy.ts'

/** The server answers each request `x` with `<x>` and writes down what it heard. */
const open: AsyncDisposable[] = []
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]()
})

async function scene(): Promise<{ proxy: TcpProxy; heard: string[] }> {
  const heard: string[] = []
  const sockets = new Set<Socket>()
  const server: Server = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('data', chunk => {
      heard.push(String(chunk))
      socket.write(`<${chunk}>`)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const proxy = await openProxy(() => port)
  open.push(
    {
      async [Symbol.asyncDispose]() {
        for (const socket of sockets) socket.destroy()
        await new Promise(resolve => server.close(resolve))
      },
    },
    proxy,
  )
  return { proxy, heard }
}

interface Client {
  socket: Socket
  got(): string
  ended: Promise<void>
}

async function client(proxy: TcpProxy): Promise<Client> {
  const socket = connect(proxy.port, '127.0.0.1')
  let got = ''
  socket.on('data', chunk => {
    got += chunk
  })
  socket.on('error', () => {})
  const ended = new Promise<void>(resolve => socket.once('close', () => resolve()))
  await once(socket, 'connect')
  return { socket, got: () => got, ended }
}

const cases: [how: Cut, heard: string[], got: string][] = [
  ['before_reply', ['order'], ''],
  ['after_reply', ['order'], '<order>'],
  ['half_reply', ['order'], '<or'],
  ['half_request', ['or'], ''],
]

test.each(cases)('%s: the server heard %j, the client got %j', async (how, wanted, got) => {
  const { proxy, heard } = await scene()
  const one = await client(proxy)
  proxy.arm({ how, chance: 1, uniform: () => 0 })
  one.socket.write('order')
  await one.ended
  while (heard.length === 0) await new Promise(setImmediate)
  expect(heard).toEqual(wanted)
  expect(one.got()).toBe(got)
  expect(proxy.cuts()).toBe(1)

  proxy.arm(null)
  const next = await client(proxy)
  next.socket.write('again')
  await once(next.socket, 'data')
  expect(next.got()).toBe('<again>')
})

test('a stalled proxy hands everything over when it goes on', async () => {
  const { proxy, heard } = await scene()
  const one = await client(proxy)
  one.socket.write('first')
  await once(one.socket, 'data')
  const release = proxy.stall()
  one.socket.write('second')
  const other = await client(proxy)
  other.socket.write('third')
  for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate)
  expect(heard).toEqual(['first'])
  release()
  await Promise.all([once(one.socket, 'data'), once(other.socket, 'data')])
  expect(one.got()).toBe('<first><second>')
  expect(other.got()).toBe('<third>')
})

test('who is refused comes in again afterwards', async () => {
  const { proxy } = await scene()
  const one = await client(proxy)
  const release = proxy.refuse()
  await one.ended
  const turned_away = connect(proxy.port, '127.0.0.1')
  turned_away.on('error', () => {})
  await new Promise(resolve => turned_away.once('close', resolve))
  release()
  const other = await client(proxy)
  other.socket.write('x')
  await once(other.socket, 'data')
  expect(other.got()).toBe('<x>')
})
