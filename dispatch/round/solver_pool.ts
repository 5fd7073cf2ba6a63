import { Piscina } from 'piscina'
import type { SolverPlan } from '../solver/port.ts'
import type { SolverInput } from './problem.ts'

/** Solving happens off the main thread, which answers callers meanwhile. */
export interface SolverPool {
  solve(input: SolverInput): Promise<SolverPlan>
  close(): Promise<void>
}

const QUEUE_MAX = 64

export function openSolverPool(): SolverPool {
  const pool = new Piscina<SolverInput, SolverPlan>({
    filename: new URL('./solver_worker.ts', import.meta.url).href,
    minThreads: 1,
    maxThreads: 1,
    maxQueue: QUEUE_MAX,
  })
  return { solve: input => pool.run(input), close: () => pool.close({ force: true }) }
}
