import { createServer, type Server } from 'node:net'

/**
 * Below Linux's and macOS's ephemeral ranges, so an outgoing connection cannot take a port before the server has it. Nor can
 * another run: between the choice of a port and its server's listening lie seconds, in which a second run that looked for
 * itself would find the same port free. So a process owns a block of ports, for as long as it listens on the block's first.
 */
const LOWEST = 20_000
const HIGHEST = 32_000
const BLOCK = 100

const blocks: number[] = []
let given = 0

/** A TCP port that nobody listens on at 127.0.0.1 and that no other process of this machine is given. */
export async function freePort(): Promise<number> {
  for (;;) {
    const among = blocks.length * (BLOCK - 1)
    // After the last one from the beginning again: most of those have been given back by then.
    for (let tries = 0; tries < among; tries++) {
      const index = given++ % among
      const port = (blocks[Math.floor(index / (BLOCK - 1))] ?? 0) + 1 + (index % (BLOCK - 1))
      if (await isFree(port)) return port
    }
    blocks.push(await claimBlock())
  }
}

async function claimBlock(): Promise<number> {
  const count = (HIGHEST - LOWEST) / BLOCK
  // Anywhere, so that many who begin at once seldom ask for the same.
  const first = Math.floor(Math.random() * count)
  for (let tries = 0; tries < count; tries++) {
    const block = LOWEST + ((first + tries) % count) * BLOCK
    const claim = await listenOn(block, '127.0.0.1')
    if (claim === undefined) continue
    claim.unref()
    return block
  }
  throw new Error(`no free TCP ports found between ${LOWEST} and ${HIGHEST} on 127.0.0.1`)
}

export async function isFree(port: number): Promise<boolean> {
  return (await canListen(port, '127.0.0.1')) && (await canListen(port, '0.0.0.0'))
}

async function canListen(port: number, host: string): Promise<boolean> {
  const probe = await listenOn(port, host)
  if (probe === undefined) return false
  await new Promise(resolve => probe.close(resolve))
  return true
}

function listenOn(port: number, host: string): Promise<Server | undefined> {
  return new Promise(resolve => {
    const server = createServer()
    server.once('error', () => resolve(undefined))
    server.listen({ port, host, exclusive: true }, () => resolve(server))
  })
}
