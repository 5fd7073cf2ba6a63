import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { identify, isAlive, type ProcessIdentity } from './identity.ts'

/** Who holds a data folder. The keeper counts too: it may still be ending the servers of an owner that was killed. */
interface Holder {
  owner: ProcessIdentity
  keeper: ProcessIdentity
}

export interface DataLock {
  release(): void
}

const KEEPER_END_TIMEOUT_MS = 40_000

/** Takes a data folder for this process, or throws an error that says who has it. A lock whose holder is dead is taken over. */
export async function lockDataDir(
  data_dir: string,
  keeper_pid: number,
  log: (line: string) => void,
): Promise<DataLock> {
  mkdirSync(data_dir, { recursive: true })
  const file = join(data_dir, 'servers.lock')
  const mine = JSON.stringify({ owner: identify(process.pid), keeper: identify(keeper_pid) })
  for (let tries = 0; tries < 20; tries++) {
    if (tryTake(file, mine)) return { release: () => releaseMine(file, mine) }
    const text = read(file)
    const holder = parse(text)
    if (holder !== undefined && isAlive(holder.owner)) {
      throw new Error(
        `the servers of ${data_dir} are running already (process ${holder.owner.pid}). ` +
          'Stop them first (ctrl-C where they run), or choose another folder with --data DIR.',
      )
    }
    if (holder !== undefined) await keeperEnds(holder.keeper, log)
    dropStale(file, text)
  }
  throw new Error(`could not take the lock ${file}: somebody else takes it over and over`)
}

/** A link appears whole or not at all, so nobody reads half a lock. */
function tryTake(file: string, mine: string): boolean {
  const temporary = `${file}.${process.pid}`
  writeFileSync(temporary, mine)
  try {
    linkSync(temporary, file)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  } finally {
    rmSync(temporary, { force: true })
  }
}

function releaseMine(file: string, mine: string): void {
  if (read(file) === mine) rmSync(file, { force: true })
}

async function keeperEnds(keeper: ProcessIdentity, log: (line: string) => void): Promise<void> {
  if (!isAlive(keeper)) return
  log('waiting for the servers of a run that was killed to end')
  const until = performance.now() + KEEPER_END_TIMEOUT_MS
  while (isAlive(keeper)) {
    if (performance.now() > until) throw new Error(`they do not end: kill process ${keeper.pid} and start again`)
    await delay(100)
  }
}

/** Moved aside before it is judged again: if another process took the lock meanwhile, its lock is put back. */
function dropStale(file: string, judged: string | undefined): void {
  const aside = `${file}.stale.${process.pid}`
  try {
    renameSync(file, aside)
    if (read(aside) !== judged) linkSync(aside, file)
  } catch {
    // Gone already, or taken again: the next try sees.
  }
  rmSync(aside, { force: true })
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

function parse(text: string | undefined): Holder | undefined {
  try {
    const holder = JSON.parse(text ?? '')
    return typeof holder?.owner?.pid === 'number' && typeof holder?.keeper?.pid === 'number' ? holder : undefined
  } catch {
    return undefined
  }
}
