/** One statement taken apart as far as the server must: what kind it is, where inline data begins, which format it asks for. */
import { ClickHouseException } from './errors.ts'
import { isSymbol, keyword, type Token, tokenize } from './lexer.ts'

export type Statement =
  | { kind: 'insert'; before_data: string; after_data: string; format: string; data_start: number; tokens: Token[] }
  | { kind: 'select'; sql: string; format?: string; tokens: Token[] }
  | { kind: 'other'; sql: string; format?: string; tokens: Token[] }

/**
 * Reads the statement at the start of `sql`. For an INSERT with data, `before_data` and `after_data` are its two halves:
 * between them goes `FROM INFILE`. `data_start` is a character offset into `sql`.
 * Throws SYNTAX_ERROR when a second statement follows, as ClickHouse's HTTP interface does.
 */
export function readStatement(sql: string): Statement {
  const insert = readInsertWithData(sql)
  if (insert !== undefined) return insert
  const tokens = [...tokenize(sql)]
  const end = endOfStatement(tokens)
  const first = keyword(tokens.find(token => !isSymbol(token, '(')))
  const used = tokens.slice(0, end)
  const format = outputFormat(used)
  const body = sql.slice(0, used.at(-1)?.end ?? 0)
  const kind = first === 'SELECT' || first === 'WITH' || first === 'FROM' ? 'select' : 'other'
  return { kind, sql: body, tokens: used, ...(format === undefined ? {} : { format }) }
}

function endOfStatement(tokens: readonly Token[]): number {
  const semicolon = tokens.findIndex(token => isSymbol(token, ';'))
  if (semicolon < 0) return tokens.length
  const extra = tokens.slice(semicolon).find(token => !isSymbol(token, ';'))
  if (extra !== undefined) {
    throw new ClickHouseException(
      62,
      'SYNTAX_ERROR',
      `Syntax error (Multi-statements are not allowed): failed at position ${(tokens[semicolon]?.start ?? 0) + 1} (end of query). Send one statement a request.`,
    )
  }
  return semicolon
}

/** `… FORMAT X`, at the end or before a last SETTINGS. */
function outputFormat(tokens: readonly Token[]): string | undefined {
  for (let at = tokens.length - 2; at > 0; at -= 1) {
    const name = tokens[at + 1]
    const next = tokens[at + 2]
    const ends = next === undefined || keyword(next) === 'SETTINGS'
    if (keyword(tokens[at]) === 'FORMAT' && name?.kind === 'word' && ends) return name.text
  }
  return undefined
}

interface InsertScan {
  tokens: Token[]
  settings_start?: number
}

/** Reads no further than the data, which may be binary. Undefined if it is no INSERT, or one without data. */
function readInsertWithData(sql: string): Statement | undefined {
  const source = tokenize(sql)
  const scan: InsertScan = { tokens: [] }
  const next = (): Token | undefined => {
    const token = source.next().value ?? undefined
    if (token !== undefined) scan.tokens.push(token)
    return token
  }
  if (keyword(next()) !== 'INSERT') return undefined
  let depth = 0
  for (let token = next(); token !== undefined; token = next()) {
    const previous = scan.tokens.at(-2)
    if (isSymbol(token, '(')) depth += 1
    else if (isSymbol(token, ')')) depth -= 1
    else if (isSymbol(token, ';') && depth === 0) return undefined
    const word = keyword(token)
    if (isSymbol(previous, '.') || namesTarget(scan.tokens)) continue
    if (word === 'SELECT' || word === 'WITH') return undefined
    if (depth > 0) continue
    if (word === 'SETTINGS') scan.settings_start = token.start
    if (word === 'VALUES') return dataInsert(sql, scan, token.start, 'Values', token.end)
    if (word === 'FORMAT') {
      const name = next()
      return name?.kind === 'word'
        ? dataInsert(sql, scan, token.start, name.text, afterFormat(sql, name.end))
        : undefined
    }
  }
  return undefined
}

/** True while the token just read is the table's own name: a table may be called `values` or `format`. */
function namesTarget(tokens: readonly Token[]): boolean {
  const before = keyword(tokens.at(-2))
  return (before === 'INTO' || before === 'TABLE' || before === 'FUNCTION') && tokens.length <= 4
}

function dataInsert(
  sql: string,
  scan: InsertScan,
  clause_start: number,
  format: string,
  data_start: number,
): Statement {
  const cut = scan.settings_start ?? clause_start
  const settings = sql.slice(cut, clause_start)
  return {
    kind: 'insert',
    before_data: sql.slice(0, cut),
    after_data: `${settings}FORMAT ${format}`,
    format,
    data_start,
    tokens: scan.tokens,
  }
}

/** As ClickHouse: a semicolon, blanks and one line end between the format's name and the data belong to neither. */
function afterFormat(sql: string, end: number): number {
  const gap = /[ \t\f]*;?[ \t\f]*\r?\n?/y
  gap.lastIndex = end
  return end + (gap.exec(sql)?.[0].length ?? 0)
}
