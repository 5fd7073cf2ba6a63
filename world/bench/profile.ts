import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'

/** What took the time, from the .cpuprofile files that `node --cpu-prof` leaves: one a thread. */
export interface ProfileRow {
  where: string
  /** of all samples of all threads that were not idle, in % */
  percent: number
}

interface CpuProfile {
  nodes: { id: number; callFrame: { functionName: string; url: string; lineNumber: number } }[]
  samples: number[]
  timeDeltas: number[]
}

const ROWS_MAX = 40
const IDLE = new Set(['(idle)', '(program)', '(root)', 'atomicsWaitLoop'])

/** Self time by function, the largest first. */
export function costsOf(dir: string): ProfileRow[] {
  const costs = new Map<string, number>()
  for (const file of readdirSync(dir)) {
    if (file.endsWith('.cpuprofile')) addCosts(JSON.parse(readFileSync(join(dir, file), 'utf8')) as CpuProfile, costs)
  }
  const total = [...costs.values()].reduce((sum, cost) => sum + cost, 0)
  return [...costs]
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, ROWS_MAX)
    .map(([where, cost]) => ({ where, percent: Number(((100 * cost) / total).toFixed(1)) }))
}

function addCosts({ nodes, samples, timeDeltas }: CpuProfile, costs: Map<string, number>): void {
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]))
  samples.forEach((id, place) => {
    const frame = frames.get(id)
    if (!frame || IDLE.has(frame.functionName)) return
    const name = `${frame.functionName || '(anonymous)'} ${basename(frame.url)}:${frame.lineNumber + 1}`
    costs.set(name, (costs.get(name) ?? 0) + Math.max(0, timeDeltas[place] ?? 0))
  })
}
