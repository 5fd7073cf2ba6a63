import { readFileSync, writeFileSync } from 'node:fs'
import { setPriority } from 'node:os'

/**
 * Lets others on the machine go first. Most Linux distributions share the CPU out among sessions before they look at nice values (sched_autogroup),
 * so for a process in a session of its own a nice value alone says nothing to anybody else: there the session steps back as well.
 * @param nice 0 to 19; 19 is last
 */
export function stepBack(nice: number, pid = process.pid): void {
  setPriority(pid, nice)
  if (leadsSession(pid)) stepSessionBack(nice, pid)
}

/** A session that it shares is not its own to slow down. */
function leadsSession(pid: number): boolean {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name stands in brackets and may hold anything; then follow: state, parent, group, session.
    const session = text.slice(text.lastIndexOf(')') + 2).split(' ')[3]
    return Number(session) === pid
  } catch {
    return false // not Linux
  }
}

function stepSessionBack(nice: number, pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/autogroup`, String(nice))
  } catch {
    // This Linux does not group by session: then the nice value is enough.
  }
}
