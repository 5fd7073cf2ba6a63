/** `KILL QUERY WHERE query_id = '…'`, with the id the caller gave to the query. */
import { isSymbol, keyword, type Token } from './lexer.ts'
import { literal } from './literal.ts'

/** The id, if the statement has exactly this shape. Every other KILL goes to the engine, which knows its own ids only. */
export function killedId(tokens: readonly Token[]): string | undefined {
  const [kill, query, where, column, equals, id, how] = tokens
  const is_kill = keyword(kill) === 'KILL' && keyword(query) === 'QUERY' && keyword(where) === 'WHERE'
  const by_id = column?.text === 'query_id' && isSymbol(equals, '=') && id?.kind === 'string'
  const plain_end = how === undefined || ['SYNC', 'ASYNC', 'FORMAT'].includes(keyword(how))
  return is_kill && by_id && plain_end ? unescaped(id.text) : undefined
}

/** A query with the columns and the row ClickHouse answers a KILL with. */
export function killReport(id: string, found: boolean, format: string | undefined): string {
  const row = `SELECT 'waiting' AS kill_status, ${literal(id)} AS query_id, 'default' AS user, '' AS query`
  return `${row}${found ? '' : ' LIMIT 0'}${format === undefined ? '' : ` FORMAT ${format}`}`
}

function unescaped(text: string): string {
  return text.replaceAll("''", "'").replace(/\\(.)/g, '$1')
}
