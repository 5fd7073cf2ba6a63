import { openEtas } from '../etas/etas.ts'
import { ASSIGNMENT, readSetting, ZONE_WEIGHTS } from '../io/zone_settings.ts'
import type { Beat } from './beat.ts'
import { assignableFleet } from './fleet.ts'
import { openSolverPool } from './solver_pool.ts'
import { openSuggestions, type Suggestions } from './suggestions.ts'
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
  const assignments = () => readSetting(desk.pool, ASSIGNMENT)
  const weights = () => readSetting(desk.pool, ZONE_WEIGHTS)
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
