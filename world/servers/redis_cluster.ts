import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import type { Keeper } from './keep.ts'
import { freePort } from './ports.ts'
import { startRedis } from './redis.ts'
import type { ServerProcess } from './server.ts'
import { provide, REDIS } from './system.ts'

/**
 * A Redis Cluster of its own on 127.0.0.1: `nodes` masters that share the 16,384 slots, no replicas. What one node holds
 * is away while it is away; the others go on answering.
 */
export interface RedisCluster {
  /** redis-cluster://host:port,host:port,… */
  url: string
  /** Which node holds the slot of this key. */
  nodeOf(key: string): Promise<number>
  kill(node: number): Promise<void>
  /** The same node on its port, with the name and the slots that it had and nothing in them. */
  startAgain(node: number): Promise<void>
  /** Hands the slot of this key, and what lies in it, to another node. */
  moveSlot(key: string, to: number): Promise<void>
  stop(): Promise<void>
}

const SLOTS = 16_384
const FORMED_TIMEOUT_MS = 20_000

export async function startRedisCluster(options: {
  keeper: Keeper
  dir: string
  nodes: number
}): Promise<RedisCluster> {
  const [redis_server = 'redis-server'] = await provide([REDIS], () => undefined)
  const ports = await Array.fromAsync({ length: 2 * options.nodes }, freePort)
  const running = new Map<number, ServerProcess>()

  async function start(node: number): Promise<void> {
    const settings = {
      'cluster-enabled': 'yes',
      'cluster-config-file': 'nodes.conf',
      'cluster-node-timeout': '2000',
      'cluster-require-full-coverage': 'no',
      'cluster-port': String(ports[options.nodes + node]),
    }
    const place = { keeper: options.keeper, redis_server, dir: join(options.dir, `node-${node}`), settings }
    running.set(node, await startRedis({ ...place, port: portOf(node) }))
  }
  const portOf = (node: number): number => ports[node] ?? 0

  const numbers = Array.from({ length: options.nodes }, (_, node) => node)
  await Promise.all(numbers.map(start))
  await form(numbers.map(portOf), ports.slice(options.nodes))

  return {
    url: `redis-cluster://${numbers.map(node => `127.0.0.1:${portOf(node)}`).join(',')}`,
    async nodeOf(key) {
      const slot = await ask(portOf(0), redis => redis.cluster('KEYSLOT', key))
      const holder = await holderOf(slot, numbers.map(portOf))
      return numbers.findIndex(node => portOf(node) === holder)
    },
    async kill(node) {
      const process = running.get(node)
      process?.signal('SIGKILL')
      await process?.ended
    },
    startAgain: start,
    moveSlot: (key, to) => moveSlot(key, numbers.map(portOf), portOf(to)),
    async stop() {
      await Promise.all([...running.values()].map(process => process.stop()))
    },
  }
}

const slotsEach = (nodes: number): number => Math.ceil(SLOTS / nodes)

/** Every node gets its slots and is introduced to the first; resolves when all of them call the cluster whole. */
async function form(ports: readonly number[], bus_ports: readonly number[]): Promise<void> {
  const each = slotsEach(ports.length)
  for (const [node, port] of ports.entries()) {
    await ask(port, async redis => {
      await redis.call('CLUSTER', 'ADDSLOTSRANGE', node * each, Math.min(SLOTS, (node + 1) * each) - 1)
      await redis.call('CLUSTER', 'SET-CONFIG-EPOCH', node + 1)
      await redis.call('CLUSTER', 'MEET', '127.0.0.1', ports[0] ?? 0, bus_ports[0] ?? 0)
    })
  }
  const started = performance.now()
  for (const port of ports) {
    while (!(await ask(port, redis => isWhole(redis, ports.length)))) {
      if (performance.now() - started > FORMED_TIMEOUT_MS)
        throw new Error(
          `the Redis Cluster did not form within ${FORMED_TIMEOUT_MS / 1_000} s; see its nodes' redis.out`,
        )
      await delay(50)
    }
  }
}

/** As redis-cli's reshard does it: both sides are told, the keys go over one by one, then everybody is told. */
async function moveSlot(key: string, ports: readonly number[], to: number): Promise<void> {
  const slot = await ask(to, redis => redis.cluster('KEYSLOT', key))
  const from = await holderOf(slot, ports)
  const id = await ask(to, redis => redis.cluster('MYID'))
  const source_id = await ask(from, redis => redis.cluster('MYID'))
  await ask(to, redis => redis.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', String(source_id)))
  await ask(from, async redis => {
    await redis.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', String(id))
    const keys = (await redis.call('CLUSTER', 'GETKEYSINSLOT', slot, 10_000)) as string[]
    for (const one of keys) await redis.call('MIGRATE', '127.0.0.1', to, one, 0, 5_000)
  })
  for (const port of [to, from]) await ask(port, redis => redis.call('CLUSTER', 'SETSLOT', slot, 'NODE', String(id)))
}

async function holderOf(slot: number, ports: readonly number[]): Promise<number> {
  const slots = (await ask(ports[0] ?? 0, redis => redis.call('CLUSTER', 'SLOTS'))) as [
    number,
    number,
    [string, number],
  ][]
  const range = slots.find(([first, last]) => first <= slot && slot <= last)
  if (!range) throw new Error(`nobody holds slot ${slot}`)
  return range[2][1]
}

async function isWhole(redis: Redis, nodes: number): Promise<boolean> {
  const info = String(await redis.cluster('INFO'))
  return /cluster_state:ok/.test(info) && info.includes(`cluster_known_nodes:${nodes}`)
}

async function ask<Answer>(port: number, work: (redis: Redis) => Promise<Answer>): Promise<Answer> {
  const redis = new Redis({ host: '127.0.0.1', port, lazyConnect: true, maxRetriesPerRequest: 0 })
  redis.on('error', () => {}) // the rejected call says the same
  try {
    await redis.connect()
    return await work(redis)
  } finally {
    redis.disconnect()
  }
}
