/** `npm run test:faults`: the real processes and servers, broken again and again. See options.ts for what can be chosen. */
import { chmodSync, mkdirSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PROJECT_DIR } from '../servers/config.ts'
import { messageOf } from '../servers/server.ts'
import { removeData } from '../servers/start.ts'
import { FAULTS_HELP, readFaultsOptions } from './options.ts'
import { runFaults } from './run.ts'

/** Starting, the last recovery, the end of the load, catching up and stopping have limits of their own, which sum up to less. */
const END_MINUTES_MAX = 15

async function main(): Promise<number> {
  const options = readFaultsOptions(process.argv.slice(2))
  if (options.help) {
    process.stdout.write(FAULTS_HELP)
    return 0
  }
  const { minutes, seed, orders_per_s, zones, kinds } = options
  const data_dir = options.data_dir ?? mkdtempSync(join(tmpdir(), 'waggle-faults-'))
  mkdirSync(data_dir, { recursive: true })
  chmodSync(data_dir, 0o711) // PostgreSQL's own user must pass through
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
  process.stdout.write(`${JSON.stringify(report)}\n`)
  for (const finding of report.findings) log(finding)
  if (report.ok && !options.keep) await removeData(data_dir)
  else log(`the data is in ${data_dir}: logs/, and the servers again with npm run servers -- --data ${data_dir}`)
  return report.ok ? 0 : 1
}

process.chdir(PROJECT_DIR)
// The keepers end what was started when this process has gone.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130))
process.exitCode = await main().catch(error => {
  process.stderr.write(`${messageOf(error)}\n`)
  return 2
})
process.exit()
