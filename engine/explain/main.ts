import { runTool } from '../command.ts'
import { EXPLAIN } from './explain.ts'

/** `npm run explain`: the state at any moment, and what led there. See options.ts. */
await runTool(EXPLAIN)
