/** Starts the servers for the tests that name them, once for all of them, and hands their addresses on. */
import { chmod, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import type { ServerUrls } from './config.ts'
import { messageOf } from './server.ts'
import { removeData, startServers } from './start.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    servers: ServerUrls
  }
}

interface Running {
  urls: ServerUrls
  users: number
  end(): Promise<void>
}

/** Each project has a module graph of its own, so what they share hangs on the process. */
const shared = globalThis as typeof globalThis & { waggle_test_servers?: Promise<Running> }

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  shared.waggle_test_servers ??= begin()
  const running = await shared.waggle_test_servers
  running.users++
  project.provide('servers', running.urls)
  return async () => {
    running.users--
    if (running.users > 0) return
    delete shared.waggle_test_servers
    await running.end()
  }
}

async function begin(): Promise<Running> {
  const given = process.env.WAGGLE_TEST_SERVERS
  if (given) return { urls: readUrls(given), users: 0, end: async () => {} }
  const data_dir = await mkdtemp(join(tmpdir(), 'waggle-test-'))
  await chmod(data_dir, 0o711) // PostgreSQL's own user must pass through
  const lines: string[] = []
  try {
    const servers = await startServers({ data_dir, disposable: true, log: line => void lines.push(line) })
    const end = async (): Promise<void> => {
      await servers[Symbol.asyncDispose]()
      await removeData(data_dir)
    }
    return { urls: servers.urls, users: 0, end }
  } catch (error) {
    await removeData(data_dir)
    throw new Error(`the servers for the tests did not start: ${messageOf(error)}\n${lines.join('\n')}`)
  }
}

function readUrls(text: string): ServerUrls {
  const urls = JSON.parse(text) as Partial<ServerUrls>
  const { kafka_brokers, redis_url, postgres_url, clickhouse_url } = urls
  if (!kafka_brokers || !redis_url || !postgres_url || !clickhouse_url) {
    throw new Error('WAGGLE_TEST_SERVERS must be JSON with kafka_brokers, redis_url, postgres_url and clickhouse_url')
  }
  return { kafka_brokers, redis_url, postgres_url, clickhouse_url }
}
