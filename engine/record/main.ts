import { runTool } from '../command.ts'
import { RECORD } from './record.ts'

/** `npm run record`: what came in from outside, to be played again. See options.ts. */
await runTool(RECORD)
