import { runCommand } from '../command.ts'
import { connect } from '../connection.ts'
import { atTheDesk } from './desk.ts'
import { HELP, readOptions } from './options.ts'

/** `npm run dead-letters`: what could not be used, looked at and sent again. See options.ts. */
await runCommand(
  'dead-letters',
  HELP,
  args => readOptions(args, Date.now()),
  async (options, stack) => atTheDesk(await connect('dead-letters', stack), options),
)
