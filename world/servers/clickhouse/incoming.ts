/** From a request to one statement for the engine. The data of an INSERT goes to a file, whatever its size, and is read from there. */
import { createWriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { ClickHouseException } from './errors.ts'
import type { Guard } from './guard.ts'
import { literal } from './literal.ts'
import type { QueryRequest } from './request.ts'
import { readStatement, type Statement } from './statement.ts'

export interface Incoming {
  statement: Statement
  sql: string
  release(): Promise<void>
}

/** The statement itself, without an INSERT's data, may be this long. ClickHouse's own limit is `max_query_size`, 256 KiB. */
const SQL_BYTES_MAX = 16 * 1024 * 1024
/** An INSERT sent wholly in the body must show its FORMAT or VALUES within this. */
const INSERT_HEAD_BYTES = 256 * 1024

export async function readIncoming(request: QueryRequest, guard: Guard, data_file: () => string): Promise<Incoming> {
  const { head, rest } = await readHead(request)
  const text = head.toString('utf8')
  const statement = readStatement(text)
  guard(statement.tokens)
  if (statement.kind !== 'insert') return { statement, sql: statement.sql, release: async () => undefined }
  const data_start = Buffer.byteLength(text.slice(0, statement.data_start))
  const file = data_file()
  const release = () => rm(file, { force: true })
  try {
    await pipeline(dataOf(head.subarray(data_start), rest), createWriteStream(file, { flags: 'wx' }))
  } catch (error) {
    await release()
    throw error
  }
  const sql = `${statement.before_data} FROM INFILE ${literal(file)} COMPRESSION 'none' ${statement.after_data}`
  return { statement, sql, release }
}

/** SQL of the URL alone if it is an INSERT that only lacks its data; else URL and body together, as far as an INSERT's head may reach. */
async function readHead(request: QueryRequest): Promise<{ head: Buffer; rest: Readable }> {
  if (request.sql !== '' && readsAsInsert(request.sql)) return { head: Buffer.from(request.sql), rest: request.body }
  const source = request.body[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  const parts: Buffer[] = request.sql === '' ? [] : [Buffer.from(`${request.sql}\n`)]
  await gather(source, parts, INSERT_HEAD_BYTES)
  const head = Buffer.concat(parts)
  if (readsAsInsert(head.subarray(0, INSERT_HEAD_BYTES).toString('utf8'))) {
    return { head, rest: Readable.from(remaining(source)) }
  }
  await gather(source, parts, SQL_BYTES_MAX)
  if ((await source.next()).done !== true) {
    throw new ClickHouseException(
      62,
      'SYNTAX_ERROR',
      `Query is over ${SQL_BYTES_MAX} bytes: send large data as an INSERT`,
    )
  }
  return { head: Buffer.concat(parts), rest: Readable.from([]) }
}

/** Reads until the parts have `size_max` bytes, or the end. A name cut in two by the network must never be taken for a whole one. */
async function gather(source: AsyncIterator<Buffer>, parts: Buffer[], size_max: number): Promise<void> {
  let size = parts.reduce((sum, part) => sum + part.length, 0)
  while (size < size_max) {
    const next = await source.next()
    if (next.done === true) return
    parts.push(next.value)
    size += next.value.length
  }
}

async function* remaining(source: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  for (let next = await source.next(); next.done !== true; next = await source.next()) yield next.value
}

function readsAsInsert(text: string): boolean {
  try {
    return readStatement(text).kind === 'insert'
  } catch {
    return false
  }
}

async function* dataOf(head: Buffer, rest: Readable): AsyncGenerator<Buffer> {
  if (head.length > 0) yield head
  yield* rest as AsyncIterable<Buffer>
}
