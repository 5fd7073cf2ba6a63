import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { getPriority } from 'node:os'
import { afterEach, expect, test } from 'vitest'
import { stepBack } from './priority.ts'

const children: ChildProcess[] = []
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

function sleeper(detached: boolean): number {
  const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60_000)'], { detached, stdio: 'ignore' })
  children.push(child)
  if (child.pid === undefined) throw new Error('nothing was started')
  return child.pid
}

/** The nice value of a process's session; undefined where the system does not group by session. */
function sessionNice(pid: number): number | undefined {
  try {
    return Number(/nice (-?\d+)/.exec(readFileSync(`/proc/${pid}/autogroup`, 'utf8'))?.[1])
  } catch {
    return undefined
  }
}

test('a process in a session of its own steps back with all of it', () => {
  const pid = sleeper(true)
  const grouped = sessionNice(pid) !== undefined
  stepBack(7, pid)
  expect([getPriority(pid), sessionNice(pid)]).toEqual([7, grouped ? 7 : undefined])
})

test('a session that others share stays where it is', () => {
  const pid = sleeper(false)
  const before = sessionNice(pid)
  stepBack(7, pid)
  expect([getPriority(pid), sessionNice(pid)]).toEqual([7, before])
})
