import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/**
 * A TCP proxy that stands between the services and one server and knows nothing of what it carries.
 *
 *   client ──request──▶ proxy ──request──▶ server          half_request   half of the bytes go on, then both ends are cut
 *          ◀───reply───       ◀───reply───                 before_reply   the server has done the work, nobody hears of it
 *                                                          half_reply     half of the bytes go on, then both ends are cut
 *                                                          after_reply    all of them go on, and then both ends are cut
 *
 * A chunk is what one read of the socket gave, which for requests as small as ours is mostly one request or one reply.
 */
export const CUTS = ['before_reply', 'after_reply', 'half_reply', 'half_request'] as const
export type Cut = (typeof CUTS)[number]

export interface TcpProxy extends AsyncDisposable {
  port: number
  /** From now on each chunk it fits is cut with this probability; `null`: no more. */
  arm(cut: { how: Cut; chance: number; uniform: () => number } | null): void
  /** Nothing moves either way until the returned function is called; connections stay, new ones are let in and wait. */
  stall(): () => void
  /** Cuts all there are and lets nobody in until the returned function is called. */
  refuse(): () => void
  /** connections that were cut by `arm` or `refuse` so far */
  cuts(): number
  open(): number
}

interface Pair {
  client: Socket
  server: Socket
}

type Armed = Parameters<TcpProxy['arm']>[0]

interface State {
  armed: Armed
  stalled: number
  refusing: number
  cuts: number
  pairs: Set<Pair>
}

/** Listens on 127.0.0.1 at once; the server behind it need not be there yet. */
export async function openProxy(target_port: () => number, port = 0): Promise<TcpProxy> {
  const state: State = { armed: null, stalled: 0, refusing: 0, cuts: 0, pairs: new Set() }
  const listener = createServer(client => accept(state, client, target_port()))
  listener.listen(port, '127.0.0.1')
  await once(listener, 'listening')
  return {
    port: (listener.address() as AddressInfo).port,
    arm: cut => {
      state.armed = cut
    },
    stall: () => stall(state),
    refuse: () => refuse(state),
    cuts: () => state.cuts,
    open: () => state.pairs.size,
    async [Symbol.asyncDispose]() {
      const closed = new Promise(resolve => listener.close(resolve))
      for (const pair of state.pairs) destroy(pair)
      await closed
    },
  }
}

function accept(state: State, client: Socket, target_port: number): void {
  client.on('error', () => {})
  if (state.refusing > 0) return void client.resetAndDestroy()
  const server = connect({ host: '127.0.0.1', port: target_port, noDelay: true })
  client.setNoDelay(true)
  const pair: Pair = { client, server }
  state.pairs.add(pair)
  server.on('error', () => client.resetAndDestroy())
  for (const one of [client, server]) {
    one.on('close', () => {
      destroy(pair)
      state.pairs.delete(pair)
    })
  }
  carry(state, pair, { from: client, to: server, reply: false })
  carry(state, pair, { from: server, to: client, reply: true })
  if (state.stalled > 0) pause(pair)
}

function carry(state: State, pair: Pair, { from, to, reply }: { from: Socket; to: Socket; reply: boolean }): void {
  from.on('data', (chunk: Buffer) => {
    const how = cutOf(state.armed, reply)
    if (how !== undefined) {
      state.cuts += 1
      cutOff(pair, to, chunk, how)
    } else if (!to.write(chunk)) from.pause()
  })
  to.on('drain', () => {
    if (state.stalled === 0) from.resume()
  })
  from.on('end', () => to.end())
}

function cutOf(armed: Armed, reply: boolean): Cut | undefined {
  if (armed === null || reply === (armed.how === 'half_request')) return undefined
  return armed.uniform() < armed.chance ? armed.how : undefined
}

/** What came before this chunk has been handed over; of this one, what `how` says. */
function cutOff(pair: Pair, to: Socket, chunk: Buffer, how: Cut): void {
  for (const socket of [pair.client, pair.server]) socket.removeAllListeners('data').pause()
  const bytes = {
    before_reply: 0,
    after_reply: chunk.length,
    half_reply: chunk.length >> 1,
    half_request: chunk.length >> 1,
  }
  if (bytes[how] === 0) {
    pair.client.resetAndDestroy()
    pair.server.destroy()
    return
  }
  to.write(chunk.subarray(0, bytes[how]), () => {
    // A reset may overtake what was just written; an ordinary end does not.
    to.destroySoon()
    const other = to === pair.client ? pair.server : pair.client
    other.resetAndDestroy()
  })
}

function stall(state: State): () => void {
  state.stalled += 1
  for (const pair of state.pairs) pause(pair)
  return onceOnly(() => {
    state.stalled -= 1
    if (state.stalled > 0) return
    for (const { client, server } of state.pairs) for (const one of [client, server]) one.resume()
  })
}

function refuse(state: State): () => void {
  state.refusing += 1
  state.cuts += state.pairs.size
  for (const { client, server } of state.pairs) {
    client.resetAndDestroy()
    server.destroy()
  }
  return onceOnly(() => {
    state.refusing -= 1
  })
}

function pause({ client, server }: Pair): void {
  client.pause()
  server.pause()
}

function destroy({ client, server }: Pair): void {
  client.destroySoon()
  server.destroySoon()
}

function onceOnly(work: () => void): () => void {
  let done = false
  return () => {
    if (done) return
    done = true
    work()
  }
}
