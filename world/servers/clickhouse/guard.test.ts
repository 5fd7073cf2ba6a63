import { expect, test } from 'vitest'
import { guardSetting, makeGuard } from './guard.ts'
import { tokenize } from './lexer.ts'

const guard = makeGuard(['numbers', 'file', 'url', 's3', 'remote', 'executable', 'merge', 'view', 'deltaLakeLocal'])
const check = (sql: string) => guard([...tokenize(sql)])

test.each([
  "SELECT * FROM file('/etc/passwd')",
  "SELECT * FROM `file`('x')",
  'SELECT * FROM "fi\\x6ce"(\'x\')',
  "SELECT * FROM “file”('x')",
  "SELECT file/* */ ('x')",
  "INSERT INTO FUNCTION file('x', 'CSV') SELECT 1",
  "INSERT INTO TABLE FUNCTION url('http://x', 'CSV') SELECT 1",
  "SELECT * FROM DELTALAKELOCAL('x')",
  "CREATE TABLE t AS s3('x')",
  "SELECT 1 INTO OUTFILE '/tmp/x'",
  "SELECT 1 INTO/**/OUTFILE '/tmp/x'",
  "INSERT INTO t FROM INFILE '/etc/passwd' FORMAT TSV",
  "CREATE TABLE t (a String) ENGINE = File(CSV, '/etc/passwd')",
  "CREATE TABLE t (a String) ENGINE URL('http://x', CSV)",
  'CREATE TABLE t (a String) ENGINE = `File`(CSV)',
  "CREATE DATABASE d ENGINE = Filesystem('/')",
  "CREATE MATERIALIZED VIEW v ENGINE = S3('x') AS SELECT 1",
  "CREATE DICTIONARY d (a UInt8) PRIMARY KEY a SOURCE(FILE(path '/etc/passwd' format 'TSV'))",
  "CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a SETTINGS disk = disk(type = local, path = '/tmp/')",
  "SELECT 1 FORMAT Template SETTINGS format_template_row = '/etc/passwd'",
  "BACKUP DATABASE d TO File('/tmp/x')",
  "CREATE DICTIONARY d (a UInt8) PRIMARY KEY a SOURCE(CLICKHOUSE(HOST 'elsewhere' TABLE 't'))",
  "SELECT 1 SETTINGS input_format_record_errors_file_path = 'x'",
  "SELECT aiGenerate('x')",
  'DROP DATABASE IF EXISTS `default`',
  'SYSTEM SHUTDOWN',
  "SELECT * FROM (SELECT * FROM url('x'))",
])('refused: %s', sql => {
  expect(() => check(sql)).toThrow(/ACCESS_DENIED/)
})

test.each([
  'SELECT * FROM numbers(10)',
  "SELECT file, url FROM t WHERE path = '/etc/passwd'",
  'SELECT 1 AS "orders/minute"',
  "SELECT splitByChar('/', path) FROM t WHERE a IN ('/x', '/y')",
  'CREATE TABLE remote (url String, file UInt8) ENGINE = ReplacingMergeTree(file) ORDER BY url',
  'CREATE MATERIALIZED VIEW v TO t AS SELECT a FROM s',
  "ALTER TABLE t ADD COLUMN b String COMMENT 'a/b', MODIFY TTL d + INTERVAL 1 DAY",
  "CREATE DICTIONARY d (a UInt8) PRIMARY KEY a SOURCE(CLICKHOUSE(TABLE 't' DB 'default'))",
  'DROP DATABASE other',
  'SYSTEM FLUSH LOGS',
  'SELECT engine, name FROM system.tables',
  'INSERT INTO url (file) SELECT 1',
])('let through: %s', sql => {
  expect(() => check(sql)).not.toThrow()
})

test('settings that name files are refused in the URL too', () => {
  expect(() => guardSetting('format_template_row')).toThrow(/ACCESS_DENIED/)
  expect(() => guardSetting('max_threads')).not.toThrow()
})
