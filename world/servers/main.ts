import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { PROJECT_DIR, readConfig, URL_VARIABLES, USUAL_PORTS } from './config.ts'
import { messageOf } from './server.ts'
import { type Servers, startServers } from './start.ts'

const SECOND_SIGNAL_MS = 1_000

const HELP = `npm run servers -- [--fresh] [--data DIR] [--json] [--help]

Starts Kafka, Redis, PostgreSQL and ClickHouse, prints where they answer, and stays. Ctrl-C ends them.

  --fresh      wipe their data first
  --data DIR   where they keep it (default: .waggle in the project, or WAGGLE_DATA_DIR)
  --json       print the addresses as one JSON line

WAGGLE_SERVERS=native|docker|external   how (default: native where it can, else docker)
WAGGLE_KAFKA_PORT, WAGGLE_REDIS_PORT, WAGGLE_POSTGRES_PORT, WAGGLE_CLICKHOUSE_PORT   where they listen, on 127.0.0.1
WAGGLE_KAFKA_HEAP_MB=512   WAGGLE_CACHE_DIR=~/.cache/waggle (Kafka's jars)
${Object.values(URL_VARIABLES).join(', ')}   the addresses for external
`

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      fresh: { type: 'boolean', default: false },
      data: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return void process.stdout.write(HELP)
  const stop = stopSignal()
  const data_dir = values.data === undefined ? readConfig(process.env).data_dir : resolve(values.data)
  const starting = startServers({
    data_dir,
    fresh: values.fresh,
    ports: USUAL_PORTS,
    log: line => console.error(line),
    onGiveUp: reason => stop.end(1, reason),
  })
  void stop.asked.then(() => console.error('stopping the servers'))
  const servers = await starting
  if (!stop.isAsked()) print(servers, values.json)
  const alive = setInterval(() => {}, 60_000) // external servers have no process that would keep us
  await stop.asked
  clearInterval(alive)
  await servers[Symbol.asyncDispose]()
  console.error('all of them have ended')
}

function print(servers: Servers, as_json: boolean): void {
  if (as_json) {
    console.log(JSON.stringify(servers.urls))
    return
  }
  console.log(`\nThe servers are ready (${servers.mode}):\n`)
  for (const [key, url] of Object.entries(servers.urls)) {
    console.log(`  ${URL_VARIABLES[key as keyof typeof URL_VARIABLES].padEnd(24)} ${url}`)
  }
  console.log('\nCtrl-C ends them.\n')
}

interface Stop {
  asked: Promise<void>
  isAsked(): boolean
  end(code: number, reason: string): void
}

/**
 * The first ctrl-C, or a kill, asks for the end, which takes a second or two, or until the start is through. One a while later gives up
 * waiting: the keeper ends what still runs.
 */
function stopSignal(): Stop {
  const { promise, resolve } = Promise.withResolvers<void>()
  let asked_at: number | undefined
  const ask = (): void => {
    if (asked_at !== undefined && performance.now() - asked_at > SECOND_SIGNAL_MS) process.exit(1)
    asked_at ??= performance.now()
    resolve()
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, ask)
  return {
    asked: promise,
    isAsked: () => asked_at !== undefined,
    end: (code, reason) => {
      console.error(reason)
      process.exitCode = code
      ask()
    },
  }
}

process.chdir(PROJECT_DIR)
await main().catch(error => {
  console.error(messageOf(error))
  process.exitCode = 1
})
process.exit()
