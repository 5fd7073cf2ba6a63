/** `npm run test:overrule`: see options.ts for what is tried. */
import { chmodSync, mkdirSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { migrateClickhouse, migratePostgres } from '../../sql/migrate.ts'
import { PROJECT_DIR } from '../servers/config.ts'
import { messageOf } from '../servers/server.ts'
import { removeData, startServers } from '../servers/start.ts'
import { OVERRULE_HELP, readOverruleOptions } from './options.ts'
import { type OverruleReport, runOverrule } from './run.ts'

async function main(): Promise<number> {
  const options = readOverruleOptions(process.argv.slice(2))
  if (options.help) {
    process.stdout.write(OVERRULE_HELP)
    return 0
  }
  const data_dir = options.data_dir ?? mkdtempSync(join(tmpdir(), 'waggle-overrule-'))
  mkdirSync(data_dir, { recursive: true })
  chmodSync(data_dir, 0o711) // PostgreSQL's own user must pass through
  const log = (line: string): void => void process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`)
  const report = await evening(data_dir, options, log)
  process.stdout.write(`${JSON.stringify(report)}\n`)
  for (const finding of report.findings) log(finding)
  if (report.ok) await removeData(data_dir)
  else log(`the data and the logs are in ${data_dir}`)
  return report.ok ? 0 : 1
}

async function evening(
  data_dir: string,
  options: ReturnType<typeof readOverruleOptions>,
  log: (line: string) => void,
): Promise<OverruleReport> {
  await using servers = await startServers({ data_dir, fresh: true, disposable: true, log })
  const place = { urls: servers.urls, namespace: 'overrule', log_dir: join(data_dir, 'logs'), log }
  await Promise.all([
    migratePostgres(place.urls.postgres_url),
    migrateClickhouse(place.urls.clickhouse_url, place.namespace),
  ])
  return await runOverrule({ ...options, ...place })
}

process.chdir(PROJECT_DIR)
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130))
process.exitCode = await main().catch(error => {
  process.stderr.write(`${messageOf(error)}\n`)
  return 2
})
process.exit()
