import { chmodSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { removeData } from '../servers/start.ts'
import { runFaults } from './run.ts'

/** On servers of its own, since it kills them. */
const data_dir = mkdtempSync(join(tmpdir(), 'waggle-faults-'))
chmodSync(data_dir, 0o711) // PostgreSQL's own user must pass through
afterAll(() => removeData(data_dir))

const KINDS = [
  'engine.kill',
  'loader.failpoint',
  'redis.emptied',
  'kafka.before_reply',
  'postgres.after_reply',
  'clickhouse.before_reply',
  'redis.half_request',
]

test('five faults or more, all of different kinds, lose nothing, double nothing and leave nothing stuck', async () => {
  const lines: string[] = []
  const options = { seed: 5, minutes: 0.3, faults_min: 5, orders_per_s: 10, zones: 3, kinds: KINDS, data_dir }
  const report = await runFaults({ ...options, log: line => lines.push(line) })
  expect(report.findings, lines.join('\n')).toEqual([])
  const { lost, doubled, granted_without_cover, stuck, differing, ok } = report
  expect({ lost, doubled, granted_without_cover, stuck, differing, ok }).toEqual({
    ...{ lost: 0, doubled: 0, granted_without_cover: 0, stuck: 0, differing: 0 },
    ok: true,
  })
  expect(report.acknowledged).toBeGreaterThan(200)
  expect(Object.keys(report.faults).length).toBeGreaterThanOrEqual(5)
}, 600_000)
