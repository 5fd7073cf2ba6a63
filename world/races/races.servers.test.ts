import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { migratePostgres } from '../../sql/migrate.ts'
import { freshDatabase, freshNamespace, testServers } from '../servers/testing.ts'
import { runRaces } from './run.ts'
import { openStage } from './stage.ts'

const log_dir = mkdtempSync(join(tmpdir(), 'waggle-races-'))
afterAll(() => rmSync(log_dir, { recursive: true, force: true }))

test('of fifty on one order one wins, twenty times; and through a kill -9 everybody learns the outcome', async () => {
  await using database = await freshDatabase(testServers(), migratePostgres)
  const urls = { ...testServers(), postgres_url: database.url }
  const place = { urls, namespace: freshNamespace('races'), log_dir, log: () => {} }
  await using stage = await openStage(place)
  const report = await runRaces({ stage, rounds: 20, clients: 50, kills: 2, seed: 3, log: () => {} })
  expect(report.findings).toEqual([])
  expect(report).toMatchObject({ won: 20, lost: 980, audit_rows: 22, events: 22, learnt_again: 100, ok: true })
}, 180_000)
