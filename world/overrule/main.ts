/** `npm run test:overrule`: see options.ts for what is tried. */
import { join } from 'node:path'
import { migrateClickhouse, migratePostgres } from '../../sql/migrate.ts'
import { makeDataDir, printLine, runCommand, tellTime } from '../command_line.ts'
import { removeData, startServers } from '../servers/start.ts'
import { OVERRULE_HELP, type OverruleOptions, readOverruleOptions } from './options.ts'
import { type OverruleReport, runOverrule } from './run.ts'

async function work(options: OverruleOptions): Promise<number> {
  const data_dir = makeDataDir('overrule', options.data_dir)
  const report = await evening(data_dir, options)
  printLine(report)
  for (const finding of report.findings) tellTime(finding)
  if (report.ok) await removeData(data_dir)
  else tellTime(`the data and the logs are in ${data_dir}`)
  return report.ok ? 0 : 1
}

async function evening(data_dir: string, options: OverruleOptions): Promise<OverruleReport> {
  const log = tellTime
  await using servers = await startServers({ data_dir, fresh: true, disposable: true, log })
  const place = { urls: servers.urls, namespace: 'overrule', log_dir: join(data_dir, 'logs'), log }
  await Promise.all([
    migratePostgres(place.urls.postgres_url),
    migrateClickhouse(place.urls.clickhouse_url, place.namespace),
  ])
  return await runOverrule({ ...options, ...place })
}

await runCommand({ name: 'test:overrule', help: OVERRULE_HELP, read: readOverruleOptions, work })
