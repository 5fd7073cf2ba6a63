import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { migrateClickhouse, migratePostgres } from '../sql/migrate.ts'
import { identify } from './servers/identity.ts'
import { freePort, isFree } from './servers/ports.ts'
import { freshDatabase, freshNamespace, testServers, waitFor } from './servers/testing.ts'
import { startServices } from './services.ts'

const log_dir = mkdtempSync(join(tmpdir(), 'waggle-services-'))
afterAll(() => rmSync(log_dir, { recursive: true, force: true }))

async function place() {
  const urls = testServers()
  const namespace = freshNamespace('services')
  const database = await freshDatabase(urls, migratePostgres)
  await migrateClickhouse(urls.clickhouse_url, namespace)
  return { database, urls: { ...urls, postgres_url: database.url }, namespace }
}

test('a killed service comes back by itself, and at the end nothing is left', async () => {
  const { database, urls, namespace } = await place()
  const said: string[] = []
  const services = await startServices({
    ...{ urls, namespace, log_dir, only: ['ingest', 'engine'] },
    log: line => said.push(line),
  })
  const { ingest, engine } = services.each
  const first = engine.pid() ?? 0
  await services.kill('engine')
  expect(identify(first)).toBeUndefined()
  await waitFor(() => engine.pid(), { timeout_ms: 20_000, what: 'a new engine' })
  await services.ready()
  expect(engine.pid()).not.toBe(first)
  expect(said[0]).toBe('engine ended (signal SIGKILL)')

  const before = ingest.pid()
  await services.restart('ingest')
  expect(ingest.pid()).not.toBe(before)
  const pids = [ingest.pid() ?? 0, engine.pid() ?? 0]
  await services[Symbol.asyncDispose]()
  expect(pids.map(pid => identify(pid))).toEqual([undefined, undefined])
  expect(await isFree(services.ports.ingest)).toBe(true)
  expect(readFileSync(join(log_dir, 'ingest.log'), 'utf8')).toContain('"msg":"stopped"')
  await database.drop()
})

test('a service that cannot start says why, and nothing is left', async () => {
  const { database, urls, namespace } = await place()
  const env = { WAGGLE_KEYS: '[]' }
  const starting = startServices({ urls, namespace, log_dir, only: ['ingest'], env, log: () => {} })
  await expect(starting).rejects.toThrow(/ingest ended while it started(.|\n)*WAGGLE_KEYS/)
  await database.drop()
})

test('so does one whose port somebody takes at the last moment, who listens there and never answers', async () => {
  const { database, urls, namespace } = await place()
  const somebody = createServer(socket => socket.resume())
  const port = await freePort()
  const envOfStart = (): Record<string, string> => {
    if (!somebody.listening) somebody.listen(port, '127.0.0.1')
    return {}
  }
  const starting = startServices({
    ...{ urls, namespace, log_dir, only: ['ingest'], ports: { ingest: port }, envOfStart, log: () => {} },
  })
  await expect(starting).rejects.toThrow(/ingest ended while it started(.|\n)*EADDRINUSE/)
  const closed = once(somebody, 'close')
  somebody.close()
  await closed
  await database.drop()
})
