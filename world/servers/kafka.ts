import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Kafka, logLevel } from 'kafkajs'
import type { Keeper } from './keep.ts'
import { messageOf, type ServerProcess, untilReady } from './server.ts'

/** Same as in pom.xml; the cache folder carries it, so another version gets another folder. */
export const KAFKA_VERSION = '4.4.0'
const POM = fileURLToPath(new URL('pom.xml', import.meta.url))
const LOG4J = fileURLToPath(new URL('kafka.log4j2.xml', import.meta.url))
/** 2–4 s are usual, 5 after a kill -9; on a machine that is busy otherwise it took 27. */
const READY_TIMEOUT_MS = 120_000

export function jarsDir(cache_dir: string): string {
  return join(cache_dir, `kafka-${KAFKA_VERSION}`)
}

/** The broker's jars, copied once from Maven. Two callers at once are safe: each copies for itself, the first rename wins. */
export async function fetchKafka(cache_dir: string, mvn: string, log: (line: string) => void): Promise<void> {
  const dir = jarsDir(cache_dir)
  if (existsSync(dir)) return
  log(`kafka: fetching version ${KAFKA_VERSION} and what it needs from Maven (45 jars, 43 MB, once)`)
  await mkdir(cache_dir, { recursive: true })
  const temporary = await mkdtemp(`${dir}.`)
  const args = ['-q', '-B', '-f', POM, 'dependency:copy-dependencies', '-DincludeScope=runtime']
  try {
    await promisify(execFile)(mvn, [...args, `-DoutputDirectory=${temporary}`], { timeout: 600_000 })
    await rename(temporary, dir)
  } catch (error) {
    await rm(temporary, { recursive: true, force: true })
    if (existsSync(dir)) return
    const said = error instanceof Error && 'stdout' in error ? String(error.stdout).slice(-2000) : messageOf(error)
    throw new Error(
      `Maven could not fetch Kafka ${KAFKA_VERSION}. Is the network there, and a mirror in ~/.m2?\n${said}`,
    )
  }
}

export interface KafkaOptions {
  keeper: Keeper
  java: string
  cache_dir: string
  /** Its data folder, its own. */
  dir: string
  port: number
  /** KRaft's controller listens too, for the broker itself only. */
  controller_port: number
  heap_mb: number
  /** A second door for clients, which are told another address for it: a proxy's, for drills that cut connections. */
  proxied?: ProxiedListener
}

export interface ProxiedListener {
  /** where the broker listens */
  port: number
  /** where clients are told to go */
  advertised_port: number
}

/** One KRaft node on 127.0.0.1, formatted when its folder is empty. Resolves when it answers a metadata request. */
export async function startKafka(options: KafkaOptions): Promise<ServerProcess> {
  const { dir, port } = options
  await mkdir(dir, { recursive: true })
  const properties = join(dir, 'server.properties')
  await writeFile(properties, serverProperties(options))
  if (!existsSync(join(dir, 'log', 'meta.properties'))) await format(options, properties)
  const kept = await options.keeper.spawn({
    command: options.java,
    args: [...jvmArgs(options), 'kafka.Kafka', properties],
    cwd: dir,
    env: { PATH: process.env.PATH, LC_ALL: 'C.UTF-8' },
    log_file: join(dir, 'kafka.out'),
    pid_file: join(dir, 'kafka.pid'),
    stop_steps: [{ signal: 'SIGTERM', wait_ms: 12_000 }],
  })
  await untilReady('Kafka', kept, () => askMetadata(port), READY_TIMEOUT_MS)
  return { url: `127.0.0.1:${port}`, pid: kept.pid, ended: kept.ended, signal: kept.signal, stop: kept.stop }
}

function jvmArgs(options: KafkaOptions): string[] {
  return [
    `-Xmx${options.heap_mb}m`,
    '-Xms128m',
    '-XX:+ExitOnOutOfMemoryError', // a broker without memory must end and be started again, not linger
    '-Djava.awt.headless=true',
    `-Dlog4j2.configurationFile=${LOG4J}`,
    '-cp',
    join(jarsDir(options.cache_dir), '*'),
  ]
}

async function format(options: KafkaOptions, properties: string): Promise<void> {
  // Not a dash at its beginning: the formatter would take the id for an option, one time in 64.
  const cluster_id = randomBytes(16).toString('base64url').replace(/^-/, 'w')
  await rm(join(options.dir, 'log'), { recursive: true, force: true }) // a format that was cut short
  const args = [...jvmArgs(options), 'kafka.tools.StorageTool', 'format', '-t', cluster_id, '-c', properties]
  try {
    await promisify(execFile)(options.java, args, { cwd: options.dir, timeout: READY_TIMEOUT_MS })
  } catch (error) {
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr).slice(-2000) : messageOf(error)
    throw new Error(`Kafka's storage in ${options.dir} could not be formatted:\n${said}`)
  }
}

function serverProperties(options: KafkaOptions): string {
  const { port, controller_port, proxied } = options
  const also = (at: number | undefined): string => (at === undefined ? '' : `,PROXIED://127.0.0.1:${at}`)
  return `# Written anew at every start by world/servers/kafka.ts.
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${controller_port}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller_port}${also(proxied?.port)}
advertised.listeners=PLAINTEXT://127.0.0.1:${port}${also(proxied?.advertised_port)}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,PROXIED:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs=${join(options.dir, 'log')}

# One node: nothing can have a second copy.
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
offsets.topic.num.partitions=8
transaction.state.log.num.partitions=2
share.coordinator.state.topic.num.partitions=2

# After kill -9 it waits for its own old registration to lapse: 4.7 s with these, 12 s with the defaults.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
# A group that is alone need not wait 3 s for members that may come.
group.initial.rebalance.delay.ms=0

# Topics are made by Waggle's own admin code, from one table.
auto.create.topics.enable=false
log.message.timestamp.type=LogAppendTime
log.retention.ms=-1
log.retention.bytes=-1
message.max.bytes=1048588
num.network.threads=2
num.io.threads=4
log.cleaner.dedupe.buffer.size=16777216
`
}

async function askMetadata(port: number): Promise<void> {
  const kafka = new Kafka({
    brokers: [`127.0.0.1:${port}`],
    logLevel: logLevel.NOTHING,
    connectionTimeout: 2_000,
    requestTimeout: 5_000,
    retry: { retries: 0 },
  })
  const admin = kafka.admin()
  try {
    await admin.connect()
    const cluster = await admin.describeCluster()
    if (cluster.brokers.length === 0) throw new Error('no broker is registered yet')
  } finally {
    await admin.disconnect().catch(() => {})
  }
}
