import { readConfig } from './config.ts'
import { migrateClickhouse, migratePostgres, type Say } from './migrate.ts'

const HELP = `node sql/main.ts   brings Postgres and ClickHouse to the shape of the files in sql/; safe to run again

  WAGGLE_POSTGRES_URL     such as postgres://user@127.0.0.1:5432/waggle
  WAGGLE_CLICKHOUSE_URL   such as http://127.0.0.1:8123
  WAGGLE_NAMESPACE        the ClickHouse database; default waggle
`

const say: Say = text => process.stdout.write(`${text}\n`)

if (process.argv.includes('--help')) {
  process.stdout.write(HELP)
} else {
  try {
    const config = readConfig()
    const done = [
      ...(await migratePostgres(config.postgres_url, say)),
      ...(await migrateClickhouse(config.clickhouse_url, config.namespace, say)),
    ]
    say(done.length === 0 ? 'both databases are up to date' : `${done.length} migrations applied`)
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = 1
  }
}
