import { chmodSync, mkdirSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PROJECT_DIR } from './servers/config.ts'
import { messageOf } from './servers/server.ts'

/**
 * What the project's own commands have in common: a result goes to standard output, progress and trouble to standard error.
 * They end with 0; with 1 when something was found or failed; with 2 when called in a way they do not know; with 130 at ctrl-C.
 */

export interface Command<Options> {
  /** `npm run <name>` */
  name: string
  help: string
  /** @throws Error: whatever it is, the caller's slip */
  read: (args: string[]) => Options & { help: boolean }
  /** Runs in the project's folder. @returns the exit code */
  work: (options: Options) => Promise<number>
}

/** Runs as this process, and ends it: a case that failed may have left a reader or a timer behind. */
export async function runCommand<Options>({ name, help, read, work }: Command<Options>): Promise<never> {
  // What was started ends with this process: its keepers see to it.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130))
  // `npm run … | head`: nobody reads on, which is no fault.
  process.stdout.on('error', () => process.exit(0))
  const code = await callCommand({ name, help, read, work }).catch(error => {
    process.stderr.write(`${name}: ${messageOf(error)}\n`)
    return 1
  })
  // Where pipes are written asynchronously (macOS), leaving at once would cut the result off.
  await new Promise(resolve => process.stdout.write('', resolve))
  process.exit(code)
}

async function callCommand<Options>({ name, help, read, work }: Command<Options>): Promise<number> {
  let options: Options & { help: boolean }
  try {
    options = read(process.argv.slice(2))
  } catch (error) {
    process.stderr.write(`${name}: ${messageOf(error)}\nnpm run ${name} -- --help says more\n`)
    return 2
  }
  if (options.help) {
    process.stdout.write(help)
    return 0
  }
  process.chdir(PROJECT_DIR)
  return await work(options)
}

/** A line of progress with the time of day (UTC). */
export function tellTime(line: string): void {
  process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`)
}

export function printLine(result: object): void {
  process.stdout.write(`${JSON.stringify(result)}\n`)
}

/** Where servers may keep their data. @param given undefined: a new temporary folder */
export function makeDataDir(name: string, given?: string): string {
  const data_dir = given ?? mkdtempSync(join(tmpdir(), `waggle-${name}-`))
  mkdirSync(data_dir, { recursive: true })
  chmodSync(data_dir, 0o711) // PostgreSQL's own user must pass through
  return data_dir
}

// ── Options ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** @throws Error that names the option */
export function numberOf(name: string, text: string, low: number, high: number): number {
  const value = Number(text)
  if (text.trim() !== '' && value >= low && value <= high) return value
  throw new Error(`--${name} is a number from ${low} to ${high}, not "${text}"`)
}

/** @throws Error that names the option */
export function wholeOf(name: string, text: string, low: number, high: number): number {
  const value = Number(text)
  if (text.trim() !== '' && Number.isInteger(value) && value >= low && value <= high) return value
  throw new Error(`--${name} is a whole number from ${low} to ${high}, not "${text}"`)
}

/** Some of a closed list, in the list's order. @throws Error that names what is not in it */
export function someOf<Name extends string>(what: string, text: string, all: readonly Name[]): readonly Name[] {
  const names = text.split(',').flatMap(name => name.trim() || [])
  if (names.length === 0) throw new Error(`no ${what} is named: choose of ${all.join(', ')}`)
  const unknown = names.find(name => !all.some(one => one === name))
  if (unknown !== undefined) throw new Error(`there is no ${what} ${unknown}: choose of ${all.join(', ')}`)
  return all.filter(name => names.includes(name))
}
