import { type ChildProcess, fork } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export interface StopStep {
  signal: 'SIGTERM' | 'SIGINT' | 'SIGQUIT' | 'SIGKILL'
  /** How long the process may take before the next step. SIGKILL always comes last by itself. */
  wait_ms: number
}

/** A process to start and to end with us, whatever happens to us. */
export interface KeepOrder {
  command: string
  args: string[]
  cwd: string
  env: NodeJS.ProcessEnv
  run_as?: { uid: number; gid: number }
  /** Takes stdout and stderr. The one of the run before becomes `<log_file>.previous`. */
  log_file: string
  pid_file: string
  stop_steps: StopStep[]
}

export type ToKeeper =
  | { kind: 'spawn'; id: number; order: KeepOrder }
  | { kind: 'stop'; id: number }
  | { kind: 'signal'; id: number; signal: NodeJS.Signals }
  | { kind: 'adopt'; pid: number }

export type FromKeeper =
  | { kind: 'spawned'; id: number; pid: number }
  | { kind: 'failed'; id: number; reason: string }
  | { kind: 'exited'; id: number; code: number | null; signal: NodeJS.Signals | null }

export interface KeptProcess {
  pid: number
  /** Resolves, never rejects, with why it ended: `exit code 1`, `signal SIGKILL`. */
  ended: Promise<string>
  hasEnded(): boolean
  signal(signal: NodeJS.Signals): void
  /** Politely, then by force. Resolves when it is gone. */
  stop(): Promise<void>
  /** The last lines of its log, for an error message. */
  logTail(): string
}

export interface Keeper {
  pid: number
  spawn(order: KeepOrder): Promise<KeptProcess>
  /** Also ends this process, that somebody else started and that should end by itself, if it is still there when we are not. */
  adopt(pid: number): void
  /** Ends whatever still runs, and the keeper. */
  close(): Promise<void>
}

interface Waiting {
  spawned(pid: number): void
  failed(reason: string): void
  exited(reason: string): void
  orphaned(): void
}

const KEEPER_GONE = 'the process that keeps the servers was killed'

/** Starts a keeper. Throws when it cannot be started. */
export async function openKeeper(): Promise<Keeper> {
  const child = fork(fileURLToPath(new URL('keeper.ts', import.meta.url)), [], {
    detached: true, // a session of its own: ctrl-C is for us to handle
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    execArgv: [],
  })
  const waiting = new Map<number, Waiting>()
  const gone = new Promise<void>(resolve => child.once('exit', () => resolve()))
  await new Promise((resolve, reject) => child.once('spawn', () => resolve(undefined)).once('error', reject))
  child.on('message', (message: FromKeeper) => {
    const one = waiting.get(message.id)
    if (message.kind === 'spawned') one?.spawned(message.pid)
    else if (message.kind === 'failed') one?.failed(message.reason)
    else one?.exited(message.signal === null ? `exit code ${message.code}` : `signal ${message.signal}`)
  })
  child.once('exit', () => {
    for (const one of [...waiting.values()]) one.orphaned()
  })
  let next_id = 1
  return {
    pid: child.pid ?? 0,
    spawn: order => spawnKept(child, waiting, next_id++, order),
    adopt: pid => send(child, { kind: 'adopt', pid }),
    close: async () => {
      if (child.connected) child.disconnect()
      await gone
    },
  }
}

async function spawnKept(
  keeper: ChildProcess,
  waiting: Map<number, Waiting>,
  id: number,
  order: KeepOrder,
): Promise<KeptProcess> {
  const exit = Promise.withResolvers<string>()
  const start = Promise.withResolvers<number>()
  let ended = false
  let started_pid: number | undefined
  const exited = (reason: string): void => {
    ended = true
    waiting.delete(id)
    exit.resolve(reason)
  }
  const failed = (reason: string): void => start.reject(new Error(`could not start ${order.command}: ${reason}`))
  waiting.set(id, {
    spawned: pid => {
      started_pid = pid
      start.resolve(pid)
    },
    failed,
    exited,
    orphaned: () => {
      if (started_pid !== undefined) killOrphan(started_pid)
      failed(KEEPER_GONE)
      exited(KEEPER_GONE)
    },
  })
  // `npm test` marks what it starts, to find at the end what is left over.
  const env = { ...order.env, WAGGLE_TEST_RUN: process.env.WAGGLE_TEST_RUN }
  send(keeper, { kind: 'spawn', id, order: { ...order, env } })
  const pid = await start.promise
  return {
    pid,
    ended: exit.promise,
    hasEnded: () => ended,
    signal: signal => send(keeper, { kind: 'signal', id, signal }),
    stop: async () => {
      if (!ended) send(keeper, { kind: 'stop', id })
      await exit.promise
    },
    logTail: () => tail(order.log_file),
  }
}

function send(keeper: ChildProcess, message: ToKeeper): void {
  if (!keeper.connected) throw new Error(`${KEEPER_GONE}; start the servers again`)
  keeper.send(message, error => {
    if (error) keeper.kill('SIGTERM') // a broken channel: its exit handler tells everybody who waits
  })
}

function killOrphan(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {}
}

function tail(log_file: string): string {
  try {
    return readFileSync(log_file, 'utf8').trimEnd().split('\n').slice(-12).join('\n')
  } catch {
    return ''
  }
}
