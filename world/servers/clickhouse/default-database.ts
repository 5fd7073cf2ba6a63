import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Makes `default` an ordinary database. The engine is built like `clickhouse local`: on each start its `default` is an overlay that
 * holds the tables and also opens any file of the machine by its name (`SELECT * FROM "/etc/passwd"`). Detached and attached again it is what its
 * metadata say: a plain Atomic database with the same tables. Must run before anything else uses the engine.
 */
export async function makeDefaultOrdinary(engine_path: string, run: (sql: string) => Promise<string>): Promise<void> {
  const metadata = join(engine_path, 'metadata', 'default.sql')
  const has_metadata = existsSync(metadata)
  const is_empty = (await run("SELECT count() FROM system.tables WHERE database = 'default'")) === '0'
  if (!has_metadata && !is_empty) {
    process.stderr.write('tables of an early version: files of this machine can be read by SQL. Start with --fresh\n')
    return
  }
  await run('DETACH DATABASE default')
  // An empty one was never entered under its UUID, so ATTACH ends in "Cannot find UUID mapping": it is made anew.
  if (is_empty) rmSync(metadata, { force: true })
  await run(is_empty ? 'CREATE DATABASE default ENGINE = Atomic' : 'ATTACH DATABASE default')
}
