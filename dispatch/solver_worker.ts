import type { SolverPlan } from './contract.ts'
import type { SolverInput } from './problem.ts'
import { solve } from './solve.ts'
import { greatCircle } from './travel.ts'

/** One problem in, one plan out: the whole protocol of the solver's thread. */
export default (input: SolverInput): SolverPlan => solve({ ...input, travel: greatCircle(input.road) })
