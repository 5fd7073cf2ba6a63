import { runTool } from '../command.ts'
import { WHAT_IF } from './what_if.ts'

/** `npm run what-if`: the same log under another policy. See options.ts. */
await runTool(WHAT_IF)
