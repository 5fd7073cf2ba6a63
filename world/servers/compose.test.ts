import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Ajv } from 'ajv'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { PROJECT_DIR, URL_VARIABLES, USUAL_PORTS } from './config.ts'

interface Service {
  image: string
  command?: string[]
  ports?: string[]
  volumes?: string[]
  healthcheck?: { test: string[] }
  environment?: Record<string, string>
}

const text = readFileSync(join(PROJECT_DIR, 'docker-compose.yml'), 'utf8')
const compose: { services: Record<string, Service>; volumes: Record<string, unknown> } = parse(text, { merge: true })
const services = Object.entries(compose.services)
const servers = ['kafka', 'redis', 'postgres', 'clickhouse'] as const
const ours = services.filter(([, service]) => service.image.startsWith('waggle:'))

test('the compose file is what the compose specification allows', () => {
  const dclint = dirname(fileURLToPath(import.meta.resolve('dclint/package.json')))
  const schema = JSON.parse(readFileSync(join(dclint, 'schemas', 'compose.schema.json'), 'utf8'))
  // The schema names formats that say nothing about what we use.
  const validate = new Ajv({ strict: false, allErrors: true, validateFormats: false }).compile({
    ...schema,
    $schema: undefined,
  })
  validate(compose)
  expect(validate.errors ?? []).toEqual([])
  expect(validate({ services: { kafka: { imagine: 'x' } } })).toBe(false)
})

test('every image is pinned', () => {
  for (const [name, { image }] of services) expect(image, name).toMatch(/^[a-z/-]+:\d+\.\d+(\.\d+)?$/)
})

test('everything is published on 127.0.0.1 only', () => {
  const ports = services.flatMap(([, service]) => service.ports ?? [])
  expect(ports).toHaveLength(9)
  for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:\$\{WAGGLE_[A-Z]+_PORT:-\d+\}:\d+$/)
})

test('every volume is declared', () => {
  const used = services.flatMap(([, service]) => service.volumes ?? []).map(volume => volume.split(':')[0])
  expect(used).toEqual(Object.keys(compose.volumes))
})

test('all say whether they are healthy, but the one that runs only once', () => {
  const silent = services.filter(([, service]) => service.healthcheck === undefined).map(([name]) => name)
  expect(silent).toEqual(['migrate'])
})

test('the servers listen where `npm run servers` does', () => {
  for (const name of servers) {
    expect(compose.services[name]?.ports?.[0]).toContain(`{WAGGLE_${name.toUpperCase()}_PORT:-${USUAL_PORTS[name]}}`)
  }
})

test('every service of ours is told where the servers are, and is in the house', () => {
  expect(ours.map(([name]) => name)).toEqual(['migrate', 'ingest', 'engine', 'loader', 'dispatch', 'dashboards'])
  for (const [, service] of ours) {
    for (const variable of Object.values(URL_VARIABLES)) expect(service.environment).toHaveProperty(variable)
    const script = service.command?.[1] ?? ''
    expect(readFileSync(join(PROJECT_DIR, script), 'utf8').length).toBeGreaterThan(0)
  }
})
