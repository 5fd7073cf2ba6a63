import { HELP, readOptions } from './options.ts'
import { runSeeds } from './run_seeds.ts'

/** `npm run test:simulation`: the real fold and the real owners over a simulated log, seed after seed, and what became of it. */
const options = readOptions(process.argv.slice(2))
if (options === 'help') {
  console.log(HELP)
} else if ('error' in options) {
  console.error(`${options.error}\n\n${HELP}`)
  process.exitCode = 2
} else {
  const summary = await runSeeds(options, text => console.error(text))
  console.log(JSON.stringify(summary, null, 1))
  process.exitCode = summary.violations.length > 0 ? 1 : 0
}
