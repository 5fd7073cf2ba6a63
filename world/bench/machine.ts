import { readdirSync, readFileSync } from 'node:fs'

/** What processes have used, from /proc (Linux). */

/** USER_HZ: 100 on every Linux that Node runs on. */
const TICKS_A_SECOND = 100
const PAGE_BYTES = 4_096

/** The pids of a process and all its descendants. */
export const familyOf = (pid: number): number[] => familyIn(childrenOfAll(), pid)

/** A look at every process of the machine: some milliseconds. */
function childrenOfAll(): Map<number, number[]> {
  const children = new Map<number, number[]>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const parent = statOf(Number(name))?.parent
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), Number(name)])
  }
  return children
}

function familyIn(children: ReadonlyMap<number, number[]>, pid: number): number[] {
  const family = [pid]
  for (const one of family) family.push(...(children.get(one) ?? []))
  return family
}

interface Stat {
  parent: number
  /** of itself, and of the children that it has waited for */
  cpu_s: number
  rss_bytes: number
}

function statOf(pid: number): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name stands in brackets and may hold anything; what follows is numbers.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    const at = (place: number) => Number(fields[place - 3] ?? 0)
    return {
      parent: at(4),
      cpu_s: (at(14) + at(15) + at(16) + at(17)) / TICKS_A_SECOND,
      rss_bytes: at(24) * PAGE_BYTES,
    }
  } catch {
    return undefined
  }
}

/** CPU seconds that a process and its descendants, ended ones too, have used so far; and what they hold now. */
export function usageOf(pid: number, children = childrenOfAll()): { cpu_s: number; rss_bytes: number } {
  let cpu_s = 0
  let rss_bytes = 0
  for (const one of familyIn(children, pid)) {
    const stat = statOf(one)
    cpu_s += stat?.cpu_s ?? 0
    rss_bytes += stat?.rss_bytes ?? 0
  }
  return { cpu_s, rss_bytes }
}

/** CPU seconds of a process's main thread, and of each other thread's name. */
export function threadsOf(pid: number): Record<string, number> {
  const threads: Record<string, number> = {}
  for (const name of readdirSync(`/proc/${pid}/task`)) {
    try {
      const text = readFileSync(`/proc/${pid}/task/${name}/stat`, 'utf8')
      const end = text.lastIndexOf(')')
      const fields = text.slice(end + 2).split(' ')
      const label = Number(name) === pid ? 'main' : text.slice(text.indexOf('(') + 1, end)
      threads[label] = (threads[label] ?? 0) + (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND
    } catch {
      // It ended meanwhile.
    }
  }
  return threads
}

export type Pids = Readonly<Record<string, number>>

export interface Meter {
  /** CPU seconds of each process since the meter began, and the most memory that each held */
  read(): { cpu_s: Record<string, number>; rss_mb_max: Record<string, number> }
  stop(): void
}

const SAMPLE_EVERY_MS = 250

/** Begins now. */
export function openMeter(pids: Pids): Meter {
  const names = Object.keys(pids)
  const before = new Map(names.map(name => [name, usageOf(pids[name] ?? 0).cpu_s]))
  const rss_max = new Map<string, number>()
  const sample = () => {
    // One look for all of them: one each took 15 ms four times a second, beside what is measured.
    const children = childrenOfAll()
    for (const name of names) {
      const { rss_bytes } = usageOf(pids[name] ?? 0, children)
      rss_max.set(name, Math.max(rss_max.get(name) ?? 0, rss_bytes))
    }
  }
  const timer = setInterval(sample, SAMPLE_EVERY_MS)
  return {
    read() {
      sample()
      const cpu = names.map(name => [name, usageOf(pids[name] ?? 0).cpu_s - (before.get(name) ?? 0)])
      const rss = names.map(name => [name, Math.round((rss_max.get(name) ?? 0) / 1_048_576)])
      return { cpu_s: Object.fromEntries(cpu), rss_mb_max: Object.fromEntries(rss) }
    },
    stop: () => clearInterval(timer),
  }
}
