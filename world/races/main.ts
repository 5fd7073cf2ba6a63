/** `npm run test:races`: see options.ts for what is tried. */
import { chmodSync, mkdirSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { migratePostgres } from '../../sql/migrate.ts'
import { PROJECT_DIR } from '../servers/config.ts'
import { messageOf } from '../servers/server.ts'
import { removeData, startServers } from '../servers/start.ts'
import { RACES_HELP, readRacesOptions } from './options.ts'
import { type RacesReport, runRaces } from './run.ts'
import { openStage } from './stage.ts'

async function main(): Promise<number> {
  const options = readRacesOptions(process.argv.slice(2))
  if (options.help) {
    process.stdout.write(RACES_HELP)
    return 0
  }
  const data_dir = options.data_dir ?? mkdtempSync(join(tmpdir(), 'waggle-races-'))
  mkdirSync(data_dir, { recursive: true })
  chmodSync(data_dir, 0o711) // PostgreSQL's own user must pass through
  const log = (line: string): void => void process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`)
  const report = await race(data_dir, options, log)
  process.stdout.write(`${JSON.stringify(report)}\n`)
  if (report.ok) await removeData(data_dir)
  else log(`the data and the logs are in ${data_dir}`)
  return report.ok ? 0 : 1
}

async function race(
  data_dir: string,
  options: ReturnType<typeof readRacesOptions>,
  log: (line: string) => void,
): Promise<RacesReport> {
  await using servers = await startServers({ data_dir, fresh: true, disposable: true, log })
  await migratePostgres(servers.urls.postgres_url)
  const place = { urls: servers.urls, namespace: 'races', log_dir: join(data_dir, 'logs'), log }
  await using stage = await openStage(place)
  return await runRaces({ stage, ...options, log })
}

process.chdir(PROJECT_DIR)
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130))
process.exitCode = await main().catch(error => {
  process.stderr.write(`${messageOf(error)}\n`)
  return 2
})
process.exit()
