import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** A program of the system that we need, how to tell that it will do, and how a person gets it. */
export interface Need {
  what: string
  /** Tried in this order. */
  candidates: string[]
  version_args: string[]
  /** First group: the major version. */
  version: RegExp
  major_min: number
  apt: string
  brew: string
  /** A system service that the package starts; we run our own. */
  service?: string
}

export const JAVA: Need = {
  what: 'a Java runtime, 17 or later',
  candidates: [
    ...(process.env.JAVA_HOME ? [`${process.env.JAVA_HOME}/bin/java`] : []),
    'java',
    '/opt/homebrew/opt/openjdk/bin/java',
    '/usr/local/opt/openjdk/bin/java',
  ],
  version_args: ['-version'],
  version: /version "(\d+)/,
  major_min: 17,
  apt: 'default-jre-headless',
  brew: 'openjdk',
}

export const MAVEN: Need = {
  what: 'Maven',
  candidates: ['mvn'],
  version_args: ['--version'],
  version: /Apache Maven (\d+)/,
  major_min: 3,
  apt: 'maven',
  brew: 'maven',
}

export const REDIS: Need = {
  what: 'redis-server, 7 or later',
  candidates: ['redis-server', '/opt/homebrew/opt/redis/bin/redis-server', '/usr/local/opt/redis/bin/redis-server'],
  version_args: ['--version'],
  version: /v=(\d+)/,
  major_min: 7,
  apt: 'redis-server',
  brew: 'redis',
  service: 'redis-server',
}

export const CHROMIUM: Need = {
  what: 'Chromium or Chrome, 110 or later',
  candidates: [
    ...(process.env.WAGGLE_CHROMIUM ? [process.env.WAGGLE_CHROMIUM] : []),
    'chromium',
    'chromium-browser',
    'google-chrome',
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    '/Applications/Chromium.app/Contents/MacOS/Chromium',
  ],
  version_args: ['--version'],
  version: /(\d+)\.\d+\.\d+/,
  major_min: 110,
  apt: 'chromium',
  brew: '--cask chromium',
}

/** The command that meets the need, or undefined. */
export async function find(need: Need): Promise<string | undefined> {
  for (const command of need.candidates) {
    const major = await majorVersion(need, command)
    if (major !== undefined && major >= need.major_min) return command
  }
  return undefined
}

/**
 * The commands for these needs, in their order. Installs what is missing where we are root on Debian or Ubuntu, saying so.
 * Throws MissingError otherwise.
 */
export async function provide(needs: Need[], log: (line: string) => void): Promise<string[]> {
  const missing = await missingOf(needs)
  if (missing.length > 0 && canInstall()) await install(missing, log)
  const still_missing = await missingOf(missing)
  if (still_missing.length > 0) throw new MissingError(still_missing)
  return (await Promise.all(needs.map(find))).filter(command => command !== undefined)
}

/** Says what is missing and the exact command that installs it. */
export class MissingError extends Error {
  constructor(missing: Need[]) {
    const apt = missing.map(need => need.apt).join(' ')
    const brew = missing.map(need => need.brew)
    const whats = missing.map(need => need.what).join('; ')
    super(
      `missing: ${whats}\n` +
        `  Debian or Ubuntu:  sudo apt-get update && sudo apt-get install -y ${apt}\n` +
        `  macOS:             brew install ${brew.join(' ')}`,
    )
  }
}

export async function missingOf(needs: Need[]): Promise<Need[]> {
  const found = await Promise.all(needs.map(find))
  return needs.filter((_, at) => found[at] === undefined)
}

export function canInstall(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return false
  try {
    return /^ID(_LIKE)?=.*(debian|ubuntu)/m.test(readFileSync('/etc/os-release', 'utf8'))
  } catch {
    return false
  }
}

async function majorVersion(need: Need, command: string): Promise<number | undefined> {
  try {
    const said = await run(command, need.version_args, { timeout: 30_000 })
    const major = need.version.exec(said.stdout + said.stderr)?.[1]
    return major === undefined ? undefined : Number(major)
  } catch {
    return undefined
  }
}

async function install(missing: Need[], log: (line: string) => void): Promise<void> {
  const packages = missing.map(need => need.apt)
  log(`installing ${packages.join(', ')} with apt-get (missing: ${missing.map(need => need.what).join('; ')})`)
  await run('mkdir', ['-p', '/usr/share/man/man1']) // slim images lack it, and the JRE's package then fails
  try {
    await aptGet('install', ...packages).catch(async () => {
      await aptGet('update') // the lists are old, or there were none
      await aptGet('install', ...packages)
    })
  } catch (error) {
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr).slice(-1500) : String(error)
    throw new Error(`apt-get could not install ${packages.join(' ')}:\n${said}`)
  }
  for (const { service } of missing) if (service !== undefined) await stopService(service)
}

async function aptGet(verb: string, ...packages: string[]): Promise<void> {
  const options = ['-o', 'DPkg::Lock::Timeout=180', '-y', ...(verb === 'install' ? ['--no-install-recommends'] : [])]
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  await run('apt-get', [...options, verb, ...packages], { env, timeout: 900_000, maxBuffer: 64 << 20 })
}

/** It came with the package a moment ago, so nobody relies on it. */
async function stopService(service: string): Promise<void> {
  if (existsSync('/run/systemd/system')) await run('systemctl', ['disable', '--now', service]).catch(() => {})
  else await run('service', [service, 'stop']).catch(() => {})
}
