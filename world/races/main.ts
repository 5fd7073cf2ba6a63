/** `npm run test:races`: see options.ts for what is tried. */
import { join } from 'node:path'
import { migratePostgres } from '../../sql/migrate.ts'
import { makeDataDir, printLine, runCommand, tellTime } from '../command_line.ts'
import { removeData, startServers } from '../servers/start.ts'
import { RACES_HELP, type RacesOptions, readRacesOptions } from './options.ts'
import { type RacesReport, runRaces } from './run.ts'
import { openStage } from './stage.ts'

async function work(options: RacesOptions): Promise<number> {
  const data_dir = makeDataDir('races', options.data_dir)
  const report = await race(data_dir, options)
  printLine(report)
  if (report.ok) await removeData(data_dir)
  else tellTime(`the data and the logs are in ${data_dir}`)
  return report.ok ? 0 : 1
}

async function race(data_dir: string, options: RacesOptions): Promise<RacesReport> {
  const log = tellTime
  await using servers = await startServers({ data_dir, fresh: true, disposable: true, log })
  await migratePostgres(servers.urls.postgres_url)
  const place = { urls: servers.urls, namespace: 'races', log_dir: join(data_dir, 'logs'), log }
  await using stage = await openStage(place)
  return await runRaces({ stage, ...options, log })
}

await runCommand({ name: 'test:races', help: RACES_HELP, read: readRacesOptions, work })
