/**
 * `node world/setup.mjs [SCRIPT.ts args…]`: makes a fresh clone ready, then runs the script on the Node that package.json pins.
 * Plain JavaScript without dependencies: it is what runs on whatever Node (18 or later) the machine has.
 */
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'

const PROJECT_DIR = dirname(dirname(fileURLToPath(import.meta.url)))
const IS_WINDOWS = process.platform === 'win32'
const PINNED_NODE = join(PROJECT_DIR, 'node_modules', 'node', 'bin', IS_WINDOWS ? 'node.exe' : 'node')
const LIFELINE = pathToFileURL(join(PROJECT_DIR, 'world', 'lifeline.mjs')).href
// What Node makes of our TypeScript when it starts, for the next start: the engine's worker thread then takes 0.3 s of CPU, not 0.55.
const COMPILE_CACHE = join(PROJECT_DIR, 'node_modules', '.cache', 'compile')
const SAME_KEYPRESS_MS = 400
const PARENT_CHECK_MS = 1_000

/** Why `npm ci` is needed, or undefined. npm notes what it installed in node_modules/.package-lock.json. */
function whyInstall() {
  if (!existsSync(join(PROJECT_DIR, 'node_modules'))) return 'nothing is installed yet'
  const wanted = readPackages('package-lock.json')
  const installed = readPackages(join('node_modules', '.package-lock.json'))
  if (installed === undefined) return 'an earlier installation was cut short'
  for (const [path, want] of Object.entries(wanted ?? {})) {
    if (path === '') continue
    const have = installed[path]
    // An optional one is left out where it is for another platform.
    const differs =
      have?.version !== want.version || (want.integrity !== undefined && have.integrity !== want.integrity)
    if (have === undefined ? !want.optional : differs) {
      return `package-lock.json has another ${path.replace(/^.*node_modules\//, '')}`
    }
  }
  return existsSync(PINNED_NODE) ? undefined : 'the pinned Node is missing'
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(join(PROJECT_DIR, file), 'utf8')).packages
  } catch {
    return undefined
  }
}

/** Only one at a time: two commands may be started together on a fresh clone. */
async function install() {
  if (whyInstall() === undefined) return
  const release = await takeInstallLock()
  try {
    const why = whyInstall()
    if (why === undefined) return
    console.error(`Installing the packages with npm ci (${why}) …`)
    const code = await npmCi()
    if (code !== 0) throw new Error(`npm ci failed with exit code ${code}: what it says above must be put right first`)
    if (!existsSync(PINNED_NODE)) {
      throw new Error(
        'npm ci did not run the install scripts that bring the pinned Node: run `npm ci --ignore-scripts=false`',
      )
    }
  } finally {
    release()
  }
}

function npmCi() {
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error']
  const npm_cli = process.env.npm_execpath
  const under_npm = npm_cli !== undefined && /npm-cli\.c?js$/.test(npm_cli)
  const [command, ...rest] = under_npm ? [process.execPath, npm_cli, ...args] : ['npm', ...args]
  return new Promise((resolve, reject) => {
    // Its words go to stderr: stdout belongs to the script.
    const child = spawn(command, rest, { cwd: PROJECT_DIR, stdio: ['ignore', 2, 2], shell: IS_WINDOWS && !under_npm })
    child.once('error', error => reject(new Error(`npm could not be started (${error.message}): is it installed?`)))
    child.once('exit', code => resolve(code ?? 1))
  })
}

async function takeInstallLock() {
  const file = join(PROJECT_DIR, '.waggle', 'install.lock')
  mkdirSync(dirname(file), { recursive: true })
  for (let told = false; ; told = true) {
    try {
      writeFileSync(file, String(process.pid), { flag: 'wx' })
      return () => rmSync(file, { force: true })
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
    }
    if (!told) console.error('Another command is installing the packages; waiting for it …')
    await delay(500)
    if (!holderLives(file)) rmSync(file, { force: true })
  }
}

function holderLives(file) {
  try {
    process.kill(Number(readFileSync(file, 'utf8')) || -1, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

/**
 * The script runs in a session of its own and gets its signals from here, each once: a ctrl-C reaches this process from the terminal and,
 * a moment later, again from npm.
 */
function runScript(script, args) {
  const node_args = ['--disable-warning=TimeoutNegativeWarning', '--import', LIFELINE] // the warning is kafkajs's, and harmless
  const child = spawn(PINNED_NODE, [...node_args, join(PROJECT_DIR, script), ...args], {
    cwd: PROJECT_DIR,
    env: { NODE_COMPILE_CACHE: COMPILE_CACHE, ...process.env },
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    detached: true,
  })
  const last_at = {}
  const pass = signal => {
    const repeated = Date.now() - (last_at[signal] ?? 0) < SAME_KEYPRESS_MS
    last_at[signal] = Date.now()
    if (!repeated) child.kill(signal)
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => pass(signal))
  endWithNpm(() => pass('SIGTERM'))
  child.once('error', error => {
    console.error(`could not start ${PINNED_NODE}: ${error.message}`)
    process.exit(1)
  })
  child.once('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]))
}

/** An npm that is killed outright tells nobody; we, or the shell between npm and us, get another parent then. */
function endWithNpm(end) {
  if (process.env.npm_lifecycle_event === undefined) return
  const parent = process.ppid
  const npm = /\bsh\b.* -c .*setup\.mjs/.test(about(parent, 'args')) ? about(parent, 'ppid') : undefined
  const timer = setInterval(() => {
    if (process.ppid === parent && (npm === undefined || about(parent, 'ppid') === npm)) return
    clearInterval(timer)
    end()
  }, PARENT_CHECK_MS)
  timer.unref()
}

/** Command line or parent of another process, or '' where it cannot be told. */
function about(pid, what) {
  try {
    if (process.platform !== 'linux')
      return execFileSync('ps', ['-o', `${what}=`, '-p', String(pid)], { encoding: 'utf8' }).trim()
    if (what === 'args') return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
    return /^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? ''
  } catch {
    return ''
  }
}

const [script, ...args] = process.argv.slice(2)
try {
  if (Number(process.versions.node.split('.')[0]) < 18)
    throw new Error(`Node 18 or later is needed, this is ${process.version}`)
  await install()
  if (script !== undefined) runScript(script, args)
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
}
