import { openSuggestions, type Suggestions } from './assignment_mode.ts'
import type { Beat } from './beat.ts'
import { openEtas } from './etas.ts'
import { assignableFleet } from './fleet.ts'
import { readAssignments } from './io/assignment.ts'
import { readWeights } from './io/weights.ts'
import { openSolverPool } from './solver_pool.ts'
import { type Round, startTicker } from './tick.ts'
import { startWatch } from './watch.ts'

/** What runs by itself beside the requests: the rounds of assignment, and the look after couriers who vanish. */

export interface AssigningOptions
  extends Omit<Round, 'assignments' | 'weights' | 'suggestions' | 'etas' | 'solve' | 'last'> {
  /** business s a wall s */
  rate: () => number
  /** s of business time */
  silent_s_max: number
}

export interface Assigning {
  ticker: Beat
  suggestions: Suggestions
  close(): Promise<void>
}

export function startAssigning(options: AssigningOptions): Assigning {
  const { desk, fleet, rate } = options
  const solver = openSolverPool()
  const suggestions = openSuggestions()
  const assignments = () => readAssignments(desk.pool)
  const weights = () => readWeights(desk.pool)
  const may_be_asked = () => assignableFleet(desk.pool, fleet)
  const round = {
    ...options,
    assignments,
    weights,
    suggestions,
    etas: openEtas(options),
    fleet: may_be_asked,
    solve: solver.solve,
    last: new Map(),
  }
  const ticker = startTicker(round, rate)
  const watch = startWatch({ ...options, assignments })
  return {
    ticker,
    suggestions,
    async close() {
      await Promise.all([watch.close(), ticker.close()])
      await solver.close()
    },
  }
}
