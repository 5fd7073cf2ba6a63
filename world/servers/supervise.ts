import { setTimeout as delay } from 'node:timers/promises'
import { messageOf, type ServerName, type ServerProcess } from './server.ts'

/** A server that is started again when it dies, until it is stopped. */
export interface Server {
  name: ServerName
  url: string
  /** Of the process that runs now; undefined while it is down. */
  pid(): number | undefined
  /** SIGKILL, and it stays down until `start`: for drills. */
  kill(): Promise<void>
  /** Up again on the same port and data, after `kill`. */
  start(): Promise<void>
  stop(): Promise<void>
}

const RESTARTS_MAX = 5
const RESTARTS_WINDOW_MS = 60_000

/**
 * Starts a server and watches it. One that dies by itself is started again, at most 5 times a minute; then `onGiveUp` is told.
 * Rejects when the first start fails.
 */
export async function supervise(
  name: ServerName,
  launch: () => Promise<ServerProcess>,
  log: (line: string) => void,
  onGiveUp: (reason: string) => void,
): Promise<Server> {
  let wanted = true
  let running: ServerProcess | undefined
  let url = ''
  let launching: Promise<void> = Promise.resolve()
  let deaths: number[] = []

  const up = async (): Promise<void> => {
    const started = performance.now()
    const server = await launch()
    running = server
    url = server.url
    log(`${name}: ready at ${server.url} (${((performance.now() - started) / 1000).toFixed(1)} s)`)
    void server.ended.then(reason => died(server, reason))
  }
  const died = (server: ServerProcess, reason: string): void => {
    if (running !== server) return
    running = undefined
    if (wanted) launching = again(reason)
  }
  const again = async (reason: string): Promise<void> => {
    deaths = [...deaths.filter(at => performance.now() - at < RESTARTS_WINDOW_MS), performance.now()]
    log(`${name}: it died (${reason}); starting it again`)
    try {
      if (deaths.length > RESTARTS_MAX) throw new Error(`it died ${deaths.length} times within a minute`)
      await delay(200)
      if (wanted) await up()
    } catch (error) {
      if (wanted) onGiveUp(`${name}: ${messageOf(error)}`)
    }
  }
  const down = async (end: (server: ServerProcess) => Promise<void>): Promise<void> => {
    wanted = false
    await launching
    const server = running
    running = undefined
    if (server !== undefined) await end(server)
  }

  log(`${name}: starting`)
  await up().catch(error => {
    throw new Error(`${name} did not start: ${messageOf(error)}`)
  })
  return {
    name,
    url,
    pid: () => running?.pid,
    kill: () =>
      down(async server => {
        server.signal('SIGKILL')
        await server.ended
      }),
    start: async () => {
      if (running !== undefined) return
      wanted = true
      launching = up()
      await launching
    },
    stop: () => down(server => server.stop()),
  }
}
