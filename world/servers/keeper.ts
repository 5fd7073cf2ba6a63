/**
 * The keeper: a small process that starts the servers and outlives whoever asked for them, just long enough to end them.
 *
 *   asker ──IPC──▶ keeper ──▶ kafka, redis, postgres
 *     ✕ dies         │ channel closes (kill -9 included: the kernel closes it)
 *                    └────▶ stops all of them, then ends
 *
 * It lives in a session of its own, so ctrl-C in a terminal reaches the asker only and the asker decides the order.
 * Started by keep.ts; not to be run by hand.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { identify, isAlive, type ProcessIdentity } from './identity.ts'
import type { FromKeeper, KeepOrder, StopStep, ToKeeper } from './keep.ts'

interface Kept {
  order: KeepOrder
  child: ChildProcess
  ended: Promise<void>
  stopping: Promise<void> | undefined
}

const kept = new Map<number, Kept>()
const spawning = new Set<Promise<void>>()
const adopted: ProcessIdentity[] = []
const ADOPTED_STOP_MS = 15_000

function tell(message: FromKeeper): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => {}) // the asker may be gone: then nobody needs to know
}

async function start(id: number, order: KeepOrder): Promise<void> {
  await endEarlierRun(order)
  // The log of the run before is kept: it says why a server died when it was started again.
  try {
    renameSync(order.log_file, `${order.log_file}.previous`)
  } catch {}
  const log = openSync(order.log_file, 'a', 0o644)
  const child = spawn(order.command, order.args, {
    cwd: order.cwd,
    env: order.env,
    stdio: ['ignore', log, log],
    detached: true,
    ...(order.run_as === undefined ? {} : order.run_as),
  })
  closeSync(log)
  const ended = new Promise<void>(resolve => {
    child.once('error', error => {
      if (child.pid === undefined) tell({ kind: 'failed', id, reason: error.message })
      resolve()
    })
    child.once('exit', (code, signal) => {
      kept.delete(id)
      rmSync(order.pid_file, { force: true })
      tell({ kind: 'exited', id, code, signal })
      resolve()
    })
  })
  if (child.pid === undefined) return
  kept.set(id, { order, child, ended, stopping: undefined })
  writeFileSync(order.pid_file, JSON.stringify(identify(child.pid) ?? { pid: child.pid, started: '' }))
  tell({ kind: 'spawned', id, pid: child.pid })
}

/** Only when asker and keeper were both killed outright is there a server left from an earlier run on the same data. */
async function endEarlierRun(order: KeepOrder): Promise<void> {
  let earlier: ProcessIdentity
  try {
    earlier = JSON.parse(readFileSync(order.pid_file, 'utf8'))
  } catch {
    return
  }
  for (let tries = 0; tries < 100 && isAlive(earlier); tries++) {
    killGroup(earlier.pid, 'SIGKILL')
    await delay(100)
  }
}

function stop(id: number): Promise<void> {
  const one = kept.get(id)
  if (one === undefined) return Promise.resolve()
  one.stopping ??= descend(one, one.order.stop_steps)
  return one.stopping
}

/** From the polite signal to the last one; each step waits for the end before it takes the next. */
async function descend(one: Kept, steps: StopStep[]): Promise<void> {
  for (const step of [...steps, { signal: 'SIGKILL', wait_ms: 10_000 } as const]) {
    const pid = one.child.pid
    if (pid === undefined || one.child.exitCode !== null || one.child.signalCode !== null) return
    if (step.signal === 'SIGKILL') killGroup(pid, 'SIGKILL')
    else one.child.kill(step.signal)
    if (await endsWithin(one.ended, step.wait_ms)) return
  }
}

async function endsWithin(ended: Promise<void>, wait_ms: number): Promise<boolean> {
  const timeout = new AbortController()
  const late = delay(wait_ms, false, { signal: timeout.signal }).catch(() => false)
  const result = await Promise.race([ended.then(() => true), late])
  timeout.abort()
  return result
}

function killGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal)
  } catch {
    kill(pid, signal) // it leads no group
  }
}

async function endAll(): Promise<never> {
  await Promise.allSettled(spawning)
  await Promise.allSettled([...[...kept.keys()].map(stop), ...adopted.map(endAdopted)])
  process.exit(0)
}

function adopt(pid: number): void {
  const one = identify(pid)
  if (one !== undefined) adopted.push(one)
}

/** It ends by itself when its parent is gone; when it does not, it is made to. */
async function endAdopted(one: ProcessIdentity): Promise<void> {
  const until = performance.now() + ADOPTED_STOP_MS
  if (isAlive(one)) kill(one.pid, 'SIGTERM')
  while (isAlive(one)) {
    if (performance.now() > until) kill(one.pid, 'SIGKILL')
    await delay(50)
  }
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It ended just now.
  }
}

process.on('message', (message: ToKeeper) => {
  if (message.kind === 'spawn') {
    const started: Promise<void> = start(message.id, message.order)
      .catch(error => tell({ kind: 'failed', id: message.id, reason: String(error?.message ?? error) }))
      .finally(() => spawning.delete(started))
    spawning.add(started)
  } else if (message.kind === 'stop') void stop(message.id)
  else if (message.kind === 'adopt') adopt(message.pid)
  else kept.get(message.id)?.child.kill(message.signal)
})
process.on('disconnect', () => void endAll())
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void endAll())
