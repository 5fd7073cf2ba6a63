/**
 * ClickHouse SQL cut into tokens: just enough to find where a statement ends, which clauses it has and what it calls.
 * Never used to rewrite people's SQL beyond cutting at token borders. Follows src/Parsers/Lexer.cpp of ClickHouse.
 */
export interface Token {
  kind: 'word' | 'quoted' | 'string' | 'number' | 'symbol'
  /** Words and symbols as written; of strings and quoted names the inside, escapes left as they are. */
  text: string
  start: number
  end: number
}

const SPACE = /[\s\u200b\u2060\ufeff]+/y
const LINE_COMMENT = /(?:--|#!|# |\u2013-|\u2212-|\u2013\u2013)[^\n]*/y
const WORD = /[A-Za-z_][A-Za-z0-9_]*/y
const NUMBER = /[0-9][A-Za-z0-9_]*(?:\.[0-9][A-Za-z0-9_]*)?(?:(?<=[eEpP])[+-][0-9]+)?/y
const HEREDOC = /\$([A-Za-z0-9_]*)\$/y
/** Opening quote → closing quote. The typographic ones are quotes to ClickHouse as well. */
const STRING_QUOTES: Readonly<Record<string, string>> = { "'": "'", '‘': '’' }
const NAME_QUOTES: Readonly<Record<string, string>> = { '`': '`', '"': '"', '“': '”' }

export function* tokenize(sql: string, from = 0): Generator<Token, void, undefined> {
  let at = from
  while (at < sql.length) {
    const after = skipBlank(sql, at)
    if (after > at) {
      at = after
      continue
    }
    const token = readToken(sql, at)
    yield token
    at = token.end
  }
}

/** The word in capitals, or '' for anything that is not a bare word. */
export function keyword(token: Token | undefined): string {
  return token?.kind === 'word' ? token.text.toUpperCase() : ''
}

export function isSymbol(token: Token | undefined, symbol: string): boolean {
  return token?.kind === 'symbol' && token.text === symbol
}

function skipBlank(sql: string, at: number): number {
  const space = match(SPACE, sql, at)
  if (space !== undefined) return at + space.length
  const comment = match(LINE_COMMENT, sql, at)
  if (comment !== undefined) return at + comment.length
  return sql.startsWith('/*', at) ? endOfBlockComment(sql, at) : at
}

/** Block comments nest in ClickHouse. */
function endOfBlockComment(sql: string, start: number): number {
  let depth = 0
  for (let at = start; at < sql.length; at += 1) {
    if (sql.startsWith('/*', at)) {
      depth += 1
      at += 1
    } else if (sql.startsWith('*/', at)) {
      depth -= 1
      at += 1
      if (depth === 0) return at + 1
    }
  }
  return sql.length
}

function readToken(sql: string, start: number): Token {
  const first = sql.charAt(start)
  const string_close = STRING_QUOTES[first]
  if (string_close !== undefined) return readQuoted(sql, start, string_close, 'string')
  const name_close = NAME_QUOTES[first]
  if (name_close !== undefined) return readQuoted(sql, start, name_close, 'quoted')
  const heredoc = match(HEREDOC, sql, start)
  if (heredoc !== undefined) {
    const close = sql.indexOf(heredoc, start + heredoc.length)
    if (close >= 0) {
      const end = close + heredoc.length
      return { kind: 'string', text: sql.slice(start + heredoc.length, close), start, end }
    }
  }
  const word = match(WORD, sql, start)
  if (word !== undefined) return { kind: 'word', text: word, start, end: start + word.length }
  const number = match(NUMBER, sql, start)
  if (number !== undefined) return { kind: 'number', text: number, start, end: start + number.length }
  return { kind: 'symbol', text: first, start, end: start + 1 }
}

/** An unclosed quote runs to the end: the engine then says what is wrong with it. */
function readQuoted(sql: string, start: number, close: string, kind: 'string' | 'quoted'): Token {
  for (let at = start + 1; at < sql.length; at += 1) {
    const char = sql.charAt(at)
    if (char === '\\') at += 1
    else if (char === close) {
      if (sql.charAt(at + 1) !== close) return { kind, text: sql.slice(start + 1, at), start, end: at + 1 }
      at += 1
    }
  }
  return { kind, text: sql.slice(start + 1), start, end: sql.length }
}

function match(pattern: RegExp, sql: string, at: number): string | undefined {
  pattern.lastIndex = at
  return pattern.exec(sql)?.[0]
}
