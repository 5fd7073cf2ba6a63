import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { statementsOf } from './statements.ts'

test.each([
  ['', []],
  [' ;; -- only a comment;\n/* and; another */ ;', []],
  ['SELECT 1', ['SELECT 1']],
  ['SELECT 1;SELECT 2;\n', ['SELECT 1', 'SELECT 2']],
  ['SELECT \';\', ";", `;`; SELECT 2', ['SELECT \';\', ";", `;`', 'SELECT 2']],
  ["SELECT 'it''s; \\'; \\\\'; SELECT 2", ["SELECT 'it''s; \\'; \\\\'", 'SELECT 2']],
  ["-- it's; fine\nSELECT 1 -- don't; stop\n; SELECT 2", ["-- it's; fine\nSELECT 1 -- don't; stop", 'SELECT 2']],
  ["SELECT /* it's; */ 1; #! don't;\nSELECT 2", ["SELECT /* it's; */ 1", "#! don't;\nSELECT 2"]],
  ['SELECT $a$ ; $b$ ; $a$; SELECT 6 - 4 / 2', ['SELECT $a$ ; $b$ ; $a$', 'SELECT 6 - 4 / 2']],
  ["SELECT 'never ends;", ["SELECT 'never ends;"]],
])('%j', (text, statements) => {
  expect(statementsOf(text)).toEqual(statements)
})

/** Said again, a comment is the same one. */
const ONLY_COMMENTS = /^(?:--.*\n)*ALTER TABLE \w+(?:\s+COMMENT COLUMN \w+ '(?:[^']|'')*',?)+$/

/** Made again, an index is the same one. */
const ONLY_INDEXES = /^(?:--.*\n)*ALTER TABLE \w+(?:\s+MATERIALIZE INDEX \w+,?)+$/

test('every statement of ClickHouse can be run again: IF NOT EXISTS, OR REPLACE, a comment, or an index made again', () => {
  const folder = new URL('./clickhouse/', import.meta.url)
  for (const name of readdirSync(folder)) {
    for (const statement of statementsOf(readFileSync(new URL(name, folder), 'utf8'))) {
      if (ONLY_COMMENTS.test(statement) || ONLY_INDEXES.test(statement)) continue
      expect(statement, name).toMatch(/IF NOT EXISTS|CREATE OR REPLACE/)
    }
  }
})
