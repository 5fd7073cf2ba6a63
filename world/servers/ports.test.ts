import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { freePort, isFree } from './ports.ts'

test('a port that somebody listens on is not free', async () => {
  const port = await freePort()
  expect(await isFree(port)).toBe(true)
  const server = createServer()
  await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve))
  expect(await isFree(port)).toBe(false)
  await new Promise(resolve => server.close(resolve))
  expect(await isFree(port)).toBe(true)
})

const PORTS_SCRIPT = `
  import { freePort } from ${JSON.stringify(new URL('./ports.ts', import.meta.url).href)}
  process.on('message', async count => {
    const ports = []
    while (ports.length < count) ports.push(await freePort())
    process.send(ports)
  })
`

test('several processes that choose at once, before anybody listens, are never given the same port', async () => {
  const children = [1, 2, 3, 4, 5].map(() =>
    spawn(process.execPath, ['--input-type=module', '--eval', PORTS_SCRIPT], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    }),
  )
  try {
    const given = await Promise.all(
      children.map(async child => {
        child.send(90)
        const [ports] = await once(child, 'message')
        return ports as number[]
      }),
    )
    expect(new Set(given.flat()).size).toBe(5 * 90)
  } finally {
    for (const child of children) child.kill()
  }
})

test('a process that needs many gets more than one block of them', async () => {
  const ports = new Set<number>()
  const servers = []
  while (servers.length < 150) {
    const port = await freePort()
    ports.add(port)
    const server = createServer()
    await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve))
    servers.push(server)
  }
  expect(ports.size).toBe(150)
  for (const server of servers) server.close()
})
