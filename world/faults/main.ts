/** `npm run test:faults`: the real processes and servers, broken again and again. See options.ts for what can be chosen. */
import { makeDataDir, printLine, runCommand } from '../command_line.ts'
import { removeData } from '../servers/start.ts'
import { FAULTS_HELP, type FaultsOptions, readFaultsOptions } from './options.ts'
import { runFaults } from './run.ts'

/** Starting, the last recovery, the end of the load, catching up and stopping have limits of their own, which sum up to less. */
const END_MINUTES_MAX = 15

async function work(options: FaultsOptions): Promise<number> {
  const { minutes, seed, orders_per_s, zones, kinds } = options
  const data_dir = makeDataDir('faults', options.data_dir)
  const began = performance.now()
  const log = (line: string): void => {
    const seconds = ((performance.now() - began) / 1_000).toFixed(1).padStart(7)
    process.stderr.write(`${seconds} s  ${line}\n`)
  }
  const late = setTimeout(
    () => {
      log(`it did not end within ${END_MINUTES_MAX} minutes after the faults: see ${data_dir}/logs`)
      process.exit(1)
    },
    (minutes + END_MINUTES_MAX) * 60_000,
  )
  const report = await runFaults({ minutes, seed, orders_per_s, zones, ...(kinds && { kinds }), data_dir, log })
  clearTimeout(late)
  printLine(report)
  for (const finding of report.findings) log(finding)
  if (report.ok && !options.keep) await removeData(data_dir)
  else log(`the data is in ${data_dir}: logs/, and the servers again with npm run servers -- --data ${data_dir}`)
  return report.ok ? 0 : 1
}

await runCommand({ name: 'test:faults', help: FAULTS_HELP, read: readFaultsOptions, work })
