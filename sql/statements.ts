/**
 * Splits a file of ClickHouse SQL into its statements, since its HTTP interface takes one at a time. A `;` within quotes
 * ('…', "…", `…`, with backslash escapes), a here document ($tag$…$tag$) or a comment (--, #!, /* *\/) ends nothing.
 */
const TOKEN =
  /--[^\n]*|#![^\n]*|\/\*[\s\S]*?(?:\*\/|$)|'(?:\\[\s\S]|''|[^'\\])*'?|"(?:\\[\s\S]|""|[^"\\])*"?|`(?:\\[\s\S]|``|[^`\\])*`?|\$(\w*)\$[\s\S]*?(?:\$\1\$|$)|;|[^;'"`$#/-]+|[\s\S]/g

/** @returns each statement without its `;` and without the blanks around it; what holds only comments is left out */
export function statementsOf(text: string): string[] {
  const statements: string[] = []
  let statement = ''
  let says_something = false
  const end = () => {
    if (says_something) statements.push(statement.trim())
    statement = ''
    says_something = false
  }
  for (const [token] of text.matchAll(TOKEN)) {
    if (token === ';') {
      end()
      continue
    }
    statement += token
    if (!isComment(token) && token.trim() !== '') says_something = true
  }
  end()
  return statements
}

const isComment = (token: string): boolean => /^(--|#!|\/\*)/.test(token)
