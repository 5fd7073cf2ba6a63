import { spawn } from 'node:child_process'
import { createHash, type Hash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PROJECT_DIR } from './servers/config.ts'

const WEB = join(PROJECT_DIR, 'dashboards', 'web')
const DIST = join(WEB, 'dist')
/** What the page is made of: its folder, and the vocabularies it imports. */
const SOURCES = [
  'dashboards/web',
  'dashboards/contract.ts',
  'ingest',
  'engine/contract.ts',
  'dispatch/contract.ts',
  'package-lock.json',
]
const STAMP = '.built-from'

/**
 * Builds dashboards/web/dist where its sources have changed since. It is built aside and then put in place, so a gateway or another build
 * that runs meanwhile sees the old page or the new one, never half of one. Throws with what vite said.
 */
export async function buildWeb(log: (line: string) => void): Promise<void> {
  const hash = sourcesHash()
  if (builtFrom() === hash) return
  log('building the page with vite')
  const aside = `${DIST}.${process.pid}`
  try {
    await vite(aside)
    writeFileSync(join(aside, STAMP), hash)
    replaceDist(aside)
  } finally {
    rmSync(aside, { recursive: true, force: true })
  }
}

function builtFrom(): string | undefined {
  try {
    return readFileSync(join(DIST, STAMP), 'utf8')
  } catch {
    return undefined
  }
}

function replaceDist(aside: string): void {
  const old = `${aside}.old`
  for (let tries = 0; tries < 5; tries++) {
    try {
      if (existsSync(DIST)) renameSync(DIST, old)
      renameSync(aside, DIST)
      break
    } catch (error) {
      if (tries === 4) throw error // another build was at the same spot each time
    } finally {
      rmSync(old, { recursive: true, force: true })
    }
  }
}

function vite(out_dir: string): Promise<void> {
  const args = [
    join(PROJECT_DIR, 'node_modules/vite/bin/vite.js'),
    'build',
    WEB,
    '--outDir',
    out_dir,
    '--logLevel',
    'warn',
  ]
  const child = spawn(process.execPath, args, { cwd: PROJECT_DIR, stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => (said = (said + chunk).slice(-8_000)))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', code => {
      if (code === 0) resolve()
      else reject(new Error(`vite build failed with exit code ${code}:\n${said}`))
    })
  })
}

function sourcesHash(): string {
  const hash = createHash('sha256')
  for (const source of SOURCES) addTo(hash, join(PROJECT_DIR, source))
  return hash.digest('hex')
}

function addTo(hash: Hash, path: string): void {
  if (!existsSync(path)) return
  const entries =
    path.endsWith('.ts') || path.endsWith('.json') ? undefined : readdirSync(path, { withFileTypes: true })
  if (entries === undefined) {
    hash.update(path.slice(PROJECT_DIR.length)).update(readFileSync(path))
    return
  }
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (entry.name.startsWith('dist') || entry.name.endsWith('.test.ts')) continue
    if (entry.isDirectory()) addTo(hash, join(path, entry.name))
    else hash.update(join(path, entry.name).slice(PROJECT_DIR.length)).update(readFileSync(join(path, entry.name)))
  }
}
