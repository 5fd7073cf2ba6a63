import { runTool } from '../command.ts'
import { DEAD_LETTERS } from './desk.ts'

/** `npm run dead-letters`: what could not be used, looked at and sent again. See options.ts. */
await runTool(DEAD_LETTERS)
