import { existsSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Makes `default` an ordinary database. The engine is built like `clickhouse local`: on each start its `default` is an overlay that
 * holds the tables and also opens any file of the machine by its name (`SELECT * FROM "/etc/passwd"`). Detached and attached again it is what its
 * metadata say: a plain Atomic database with the same tables. Must run before anything else uses the engine.
 */
export async function makeDefaultOrdinary(engine_path: string, run: (sql: string) => Promise<string>): Promise<void> {
  const has_metadata = existsSync(join(engine_path, 'metadata', 'default.sql'))
  if (!has_metadata && (await run("SELECT count() FROM system.tables WHERE database = 'default'")) !== '0') {
    process.stderr.write('tables of an early version: files of this machine can be read by SQL. Start with --fresh\n')
    return
  }
  await run('DETACH DATABASE default')
  await run(has_metadata ? 'ATTACH DATABASE default' : 'CREATE DATABASE default ENGINE = Atomic')
}
