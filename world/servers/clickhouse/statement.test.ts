import { expect, test } from 'vitest'
import { readStatement } from './statement.ts'

function insertOf(sql: string) {
  const statement = readStatement(sql)
  if (statement.kind !== 'insert') throw new Error(`read as ${statement.kind}`)
  return { before: statement.before_data, after: statement.after_data, data: sql.slice(statement.data_start) }
}

test('an insert is cut where its data begins, and where FROM INFILE goes', () => {
  expect(insertOf('INSERT INTO t (a, format) FORMAT JSONEachRow\n{"a": 1}')).toEqual({
    before: 'INSERT INTO t (a, format) ',
    after: 'FORMAT JSONEachRow',
    data: '{"a": 1}',
  })
  expect(insertOf("insert into d.`values` settings async_insert = 0 values (1, 'x;')")).toEqual({
    before: 'insert into d.`values` ',
    after: 'settings async_insert = 0 FORMAT Values',
    data: " (1, 'x;')",
  })
  expect(insertOf('/* FORMAT X */ INSERT INTO values -- VALUES\n FORMAT CSV ; 1,2').data).toBe('1,2')
  expect(insertOf('INSERT INTO TABLE format FORMAT TSV\r\n\n').data).toBe('\n')
})

test('data is never read as SQL', () => {
  expect(insertOf("INSERT INTO t FORMAT CSV\n'; DROP TABLE t; --").data).toBe("'; DROP TABLE t; --")
})

test('an insert without data of its own is an ordinary statement', () => {
  expect(readStatement('INSERT INTO t SELECT 1 FORMAT Null').kind).toBe('other')
  expect(readStatement('INSERT INTO t (a) (SELECT 1)').kind).toBe('other')
  expect(readStatement('INSERT INTO t WITH 1 AS x SELECT x').kind).toBe('other')
})

test('the output format is the one at the end', () => {
  expect(readStatement("SELECT 'FORMAT CSV' AS format FORMAT JSON;").format).toBe('JSON')
  expect(readStatement('SELECT format FROM t FORMAT TSV SETTINGS max_threads = 1').format).toBe('TSV')
  expect(readStatement('SELECT format FROM t').format).toBeUndefined()
})

test('a second statement is refused, a last semicolon and semicolons inside are not', () => {
  expect(() => readStatement('SELECT 1; SELECT 2')).toThrow(/Multi-statements are not allowed/)
  expect(readStatement("SELECT ';', `;`, $x$;$x$ -- ;\n;")).toHaveProperty('sql', "SELECT ';', `;`, $x$;$x$")
  expect(() => readStatement("SELECT 'a\\'; DROP TABLE t; --'")).not.toThrow()
  expect(() => readStatement("SELECT 'a''; DROP TABLE t; --'")).not.toThrow()
  expect(() => readStatement("SELECT 'a\\\\'; DROP TABLE t; --'")).toThrow(/Multi-statements/)
})
