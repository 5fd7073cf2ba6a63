/**
 * What people's SQL may not do here: read or write files of this machine, reach the network, start programs, or stop the server.
 *
 * Covered: statements outside a list; `INTO OUTFILE`, `FROM INFILE`; every table function, table engine, database engine and dictionary
 * source outside a list, bare or quoted; `disk(…)`; settings that name files. A path in place of a table: see default-database.ts.
 * Not covered: how much a query may cost, and who may see which table: there are no users here. It is a server for one machine's
 * development and tests, bound to 127.0.0.1; production uses a real ClickHouse with real users.
 */
import { ClickHouseException } from './errors.ts'
import { isSymbol, keyword, type Token } from './lexer.ts'

const STATEMENTS = new Set(
  `SELECT WITH FROM INSERT CREATE DROP ALTER TRUNCATE RENAME EXCHANGE UNDROP OPTIMIZE SHOW DESCRIBE DESC EXISTS EXPLAIN USE SET
   CHECK KILL DELETE UPDATE DETACH ATTACH REPLACE SYSTEM BEGIN COMMIT ROLLBACK`.split(/\s+/),
)
const SYSTEM_STATEMENTS = new Set(
  'FLUSH DROP CLEAR STOP START SYNC REFRESH WAIT CANCEL RELOAD ENABLE DISABLE'.split(' '),
)
/** Table functions that only compute, or read tables of this server. */
const TABLE_FUNCTIONS = new Set(
  `numbers numbers_mt zeros zeros_mt generateRandom generateSeries generate_series primes values null view viewIfPermitted viewExplain
   format input loop merge dictionary mergeTreeIndex mergeTreeProjection mergeTreeTextIndex mergeTreeAnalyzeIndexes`
    .toLowerCase()
    .split(/\s+/),
)
const AI_FUNCTIONS = ['aiClassify', 'aiGenerate', 'aiEmbed', 'aiExtract', 'aiTranslate']
/** Ordinary functions that leave the server, beside the table functions the engine lists. */
const FUNCTIONS_REFUSED = [
  'file',
  'disk',
  'python',
  'catboostEvaluate',
  'executable',
  'eval',
  'arrowstream',
  ...AI_FUNCTIONS,
]
const TABLE_ENGINES =
  /^((Replacing|Summing|Aggregating|Collapsing|VersionedCollapsing|Coalescing|Graphite)?MergeTree|Memory|Log|TinyLog|StripeLog|Null|Set|Join|Merge|View|MaterializedView|WindowView|LiveView|Dictionary|GenerateRandom)$/i
const DATABASE_ENGINES = /^(Atomic|Ordinary|Memory|Lazy)$/i
const DICTIONARY_SOURCES = new Set(['CLICKHOUSE', 'NULL'])
const FILE_SETTINGS =
  /^(format_template_|format_schema|format_avro_schema_registry|input_format_record_errors_|rename_files_)/i

export type Guard = (tokens: readonly Token[]) => void

/** @param table_functions Every table function the engine has, from `system.table_functions`. */
export function makeGuard(table_functions: readonly string[]): Guard {
  const refused_calls = new Set(FUNCTIONS_REFUSED.map(name => name.toLowerCase()))
  for (const name of table_functions)
    if (!TABLE_FUNCTIONS.has(name.toLowerCase())) refused_calls.add(name.toLowerCase())
  return tokens => {
    refuseStatement(tokens)
    refuseLosingDefault(tokens)
    for (let at = 0; at < tokens.length; at += 1) {
      refuseCall(tokens, at, refused_calls)
      refuseOutside(tokens, at)
      refuseEngine(tokens, at)
    }
  }
}

/** Throws if a setting of the request would open a file. */
export function guardSetting(name: string): void {
  if (FILE_SETTINGS.test(name)) throw refusal(`setting '${name}' names a file`)
}

function refusal(what: string): ClickHouseException {
  return new ClickHouseException(
    497,
    'ACCESS_DENIED',
    `default: Not enough privileges: ${what}. The embedded server runs no SQL that reaches files, the network or other programs`,
  )
}

function refuseStatement(tokens: readonly Token[]): void {
  const first = keyword(tokens.find(token => !isSymbol(token, '(')))
  if (tokens.length > 0 && first !== '' && isBlockedStatement(first)) throw refusal(`statement ${first}`)
  if (first !== 'SYSTEM') return
  const second = keyword(tokens[1])
  if (!SYSTEM_STATEMENTS.has(second)) throw refusal(`statement SYSTEM ${second}`)
}

/** Words the engine does not know as a statement either are left to it: its syntax error says more. */
function isBlockedStatement(word: string): boolean {
  return (
    !STATEMENTS.has(word) &&
    /^(BACKUP|RESTORE|COPY|EXECUTE|GRANT|REVOKE|MOVE|IMPORT|EXTERNAL|WATCH|PARALLEL)$/.test(word)
  )
}

/** Connections start in `default`: without it the server could take no more queries. */
function refuseLosingDefault(tokens: readonly Token[]): void {
  const [verb, what, name] = tokens.filter(token => !/^(IF|EXISTS)$/.test(keyword(token)))
  if (!/^(DROP|DETACH|RENAME)$/.test(keyword(verb)) || keyword(what) !== 'DATABASE' || name === undefined) return
  if (plainName(name) === 'default') throw refusal(`${keyword(verb)} DATABASE default`)
}

function refuseCall(tokens: readonly Token[], at: number, refused: ReadonlySet<string>): void {
  const token = tokens[at]
  if (token === undefined || (token.kind !== 'word' && token.kind !== 'quoted')) return
  if (!isSymbol(tokens[at + 1], '(') || !refused.has(plainName(token))) return
  if (isDeclaration(tokens, at)) return
  throw refusal(`function ${token.text}`)
}

/** A quoted name may spell letters as escapes. */
function plainName(token: Token): string {
  const text = token.kind === 'quoted' && token.text.includes('\\') ? unescapeName(token.text) : token.text
  return text.toLowerCase()
}

function unescapeName(text: string): string {
  return text
    .replace(/\\x([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    .replace(/\\(.)/g, '$1')
}

/** `INSERT INTO url (a)`, `CREATE TABLE remote (`: a table of that name, not a call. */
function isDeclaration(tokens: readonly Token[], at: number): boolean {
  let before = at - 1
  while (isSymbol(tokens[before], '.')) before -= 2
  const word = keyword(tokens[before])
  return word === 'TABLE' || word === 'INTO' || (word === 'EXISTS' && keyword(tokens[before - 1]) === 'NOT')
}

function refuseOutside(tokens: readonly Token[], at: number): void {
  const word = keyword(tokens[at])
  const next = keyword(tokens[at + 1])
  if (word === 'INTO' && next === 'OUTFILE') throw refusal('INTO OUTFILE')
  if (word === 'FROM' && next === 'INFILE') throw refusal('FROM INFILE')
  if (word !== '' && isSymbol(tokens[at + 1], '=')) guardSetting(tokens[at]?.text ?? '')
  if (word === 'SOURCE' && isSymbol(tokens[at + 1], '(')) refuseSource(tokens.slice(at + 2))
}

/** Tables of this server only. */
function refuseSource(tokens: readonly Token[]): void {
  const own = DICTIONARY_SOURCES.has(keyword(tokens[0])) && !tokens.some(token => keyword(token) === 'HOST')
  if (!own) throw refusal(`dictionary source ${tokens[0]?.text ?? ''}`)
}

function refuseEngine(tokens: readonly Token[], at: number): void {
  if (keyword(tokens[at]) !== 'ENGINE') return
  const name = isSymbol(tokens[at + 1], '=') ? tokens[at + 2] : tokens[at + 1]
  if (name?.kind !== 'word' && name?.kind !== 'quoted') return
  if (name.kind === 'word' && !isSymbol(tokens[at + 1], '=') && !/MergeTree|File|URL|S3/i.test(name.text)) return
  const of_database = keyword(tokens[1]) === 'DATABASE' && keyword(tokens[0]) !== 'SELECT'
  const allowed = of_database ? DATABASE_ENGINES : TABLE_ENGINES
  if (!allowed.test(name.text) && isCreate(tokens)) throw refusal(`engine ${name.text}`)
}

function isCreate(tokens: readonly Token[]): boolean {
  return /^(CREATE|ATTACH|REPLACE|ALTER|EXPLAIN)$/.test(keyword(tokens[0]))
}
