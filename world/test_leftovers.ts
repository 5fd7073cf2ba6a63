import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { identify } from './servers/identity.ts'

export interface Leftover {
  pid: number
  command_line: string
}

/**
 * Processes that carry `WAGGLE_TEST_RUN=<mark>` in their environment, this one and its ancestors excepted, and those of `pids` that still
 * live: Redis and PostgreSQL write their title over their environment.
 */
export function leftovers(mark: string, pids: readonly (number | undefined)[]): Leftover[] {
  const marked = process.platform === 'linux' ? markedOnLinux(mark) : markedByPs(mark)
  const known = pids.flatMap(pid =>
    pid !== undefined && identify(pid) !== undefined ? [{ pid, command_line: 'a server' }] : [],
  )
  return [...marked, ...known].filter(({ pid }) => pid !== process.pid)
}

function markedOnLinux(mark: string): Leftover[] {
  return readdirSync('/proc').flatMap(name => {
    const pid = Number(name)
    if (!Number.isInteger(pid) || !read(`/proc/${pid}/environ`).includes(`WAGGLE_TEST_RUN=${mark}`)) return []
    return [{ pid, command_line: read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').slice(0, 200) }]
  })
}

function markedByPs(mark: string): Leftover[] {
  const lines = execFileSync('ps', ['-axwwE', '-o', 'pid=,command='], { encoding: 'utf8', maxBuffer: 64 << 20 }).split(
    '\n',
  )
  return lines.flatMap(line => {
    const found = /^\s*(\d+)\s+(.*)$/.exec(line)
    if (!found || !line.includes(`WAGGLE_TEST_RUN=${mark}`) || line.includes('ps -axwwE')) return []
    return [{ pid: Number(found[1]), command_line: (found[2] ?? '').slice(0, 200) }]
  })
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
