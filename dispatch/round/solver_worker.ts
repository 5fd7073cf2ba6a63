import type { SolverPlan } from '../solver/port.ts'
import { solve } from '../solver/solve.ts'
import { greatCircle } from '../travel.ts'
import type { SolverInput } from './problem.ts'

/** A round may take so long on the wall clock, ms: what was found until then is the plan. */
const SEARCH_MS_MAX = 150

/** One problem in, one plan out: the whole protocol of the solver's thread. */
export default (input: SolverInput): SolverPlan => {
  const until = performance.now() + SEARCH_MS_MAX
  return solve({ ...input, travel: greatCircle(input.road) }, () => performance.now() > until)
}
