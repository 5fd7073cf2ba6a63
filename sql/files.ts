import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** A migration as it stands in the folder. */
export interface MigrationFile {
  number: number
  /** the file's name: 0001_raw_tables.sql */
  name: string
  sha256: string
  text: string
}

/** A migration as a database remembers it. */
export interface AppliedMigration {
  number: number
  name: string
  sha256: string
}

const FILE_NAME = /^(\d{4})_[a-z0-9_]+\.sql$/

/** @throws Error when a file's name is not like 0001_name.sql, or two files have one number */
export async function readMigrations(folder: string): Promise<MigrationFile[]> {
  const names = (await readdir(folder)).filter(name => name.endsWith('.sql')).sort()
  return checkNumbers(await Promise.all(names.map(name => readMigration(folder, name))))
}

async function readMigration(folder: string, name: string): Promise<MigrationFile> {
  const [, number] = FILE_NAME.exec(name) ?? []
  if (number === undefined) throw new Error(`${join(folder, name)}: name migrations like 0001_small_words.sql`)
  const text = await readFile(join(folder, name), 'utf8')
  return { number: Number(number), name, text, sha256: createHash('sha256').update(text).digest('hex') }
}

function checkNumbers(files: MigrationFile[]): MigrationFile[] {
  for (const [at, file] of files.entries()) {
    const before = files[at - 1]
    if (before?.number === file.number) {
      throw new Error(`Two migrations have the number ${file.number}: ${before.name} and ${file.name}; renumber one`)
    }
  }
  return files
}

/**
 * What is still to be done, in order. Numbers may leave room (each folder of the house counts in a ten of its own), but
 * what comes late may not slip in below what a database already has: it would run in another order than elsewhere.
 * @throws Error when a file was edited after it was applied, is gone, or comes too late
 */
export function pendingMigrations(
  files: readonly MigrationFile[],
  applied: readonly AppliedMigration[],
): MigrationFile[] {
  const by_number = new Map(files.map(file => [file.number, file]))
  for (const done of applied) checkApplied(done, by_number.get(done.number))
  const highest = applied.reduce((most, done) => Math.max(most, done.number), 0)
  const done_numbers = new Set(applied.map(done => done.number))
  const pending = files.filter(file => !done_numbers.has(file.number))
  const late = pending.find(file => file.number < highest)
  if (late) {
    throw new Error(
      `${late.name} comes too late: this database already has number ${highest}. Give it a higher number.`,
    )
  }
  return pending
}

function checkApplied(done: AppliedMigration, file: MigrationFile | undefined): void {
  if (!file) {
    throw new Error(
      `This database has the migration ${done.name}, which this version does not know: run a newer version.`,
    )
  }
  if (file.sha256 !== done.sha256 || file.name !== done.name) {
    throw new Error(
      `${file.name} was changed after it was applied (as ${done.name}, sha256 ${done.sha256.slice(0, 12)}…, now ` +
        `${file.sha256.slice(0, 12)}…). Undo the edit and put the change into a new file.`,
    )
  }
}
