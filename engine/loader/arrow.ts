import { AsyncByteQueue, Field, makeData, RecordBatch, RecordBatchStreamWriter, Schema, Struct } from 'apache-arrow'
import type { Topic } from '../../ingest/contract.ts'
import type { Column } from './column.ts'
import { type ColumnOf, newColumn } from './columns.ts'
import { type Kind, TABLES } from './tables.ts'

/** Rows as an Arrow stream of one record batch, which ClickHouse takes 2 to 4 times faster than JSON. */

type Kinds<T extends Topic> = (typeof TABLES)[T]['columns']

/** The columns of a topic's table; one row is one `add` to each of them. */
export type Columns<T extends Topic = Topic> = {
  [C in keyof Kinds<T>]: Kinds<T>[C] extends Kind ? ColumnOf<Kinds<T>[C]> : never
}

/**
 * What batches of a topic are made in, one after the other. V8 collects all the time where it frees and takes hundreds of MB
 * a second, so whoever makes many batches keeps one of these.
 */
export interface BatchMemory<T extends Topic = Topic> {
  topic: T
  columns: Columns<T>
  bytes: Uint8Array
}

export function openMemory<T extends Topic>(topic: T): BatchMemory<T> {
  const entries = Object.entries<Kind>(TABLES[topic].columns).map(([name, kind], place) => [
    name,
    newColumn(kind, place),
  ])
  return { topic, columns: Object.fromEntries(entries) as Columns<T>, bytes: new Uint8Array(0) }
}

export function clearColumns({ columns }: BatchMemory): void {
  for (const column of Object.values<Column>(columns)) column.clear()
}

/**
 * The bytes of an Arrow IPC stream: the schema, the dictionaries, and one record batch with the columns in the order of the
 * table. They lie in the memory: good until the next batch is made there.
 * @throws Error when a column has another length than the others, which is a mistake of ours
 */
export function encodeArrow(memory: BatchMemory): { bytes: Uint8Array; rows: number } {
  const { topic, columns } = memory
  const kinds = Object.entries<Kind>(TABLES[topic].columns)
  const filled = Object.values(columns) as Column[]
  const rows = filled[0]?.length ?? 0
  const fields: Field[] = []
  const children = kinds.map(([name, kind], place) => {
    const column = filled[place]
    if (column?.length !== rows) throw new Error(`${topic}.${name} has ${column?.length} values for ${rows} rows`)
    const data = column.finish()
    fields.push(new Field(name, data.type, kind.endsWith('_or_null')))
    return data
  })
  const data = makeData({ type: new Struct(fields), length: rows, nullCount: 0, children })
  const batch = new RecordBatch(new Schema(fields), data)
  const chunks = new Chunks()
  const writer = new RecordBatchStreamWriter().reset(chunks)
  writer.write(batch)
  writer.close()
  return { bytes: join(memory, chunks), rows }
}

/** What the writer writes, over the columns' own memory. */
class Chunks extends AsyncByteQueue {
  chunks: Uint8Array[] = []
  length = 0

  override write(chunk: Uint8Array): void {
    this.chunks.push(chunk)
    this.length += chunk.length
  }
}

function join(memory: BatchMemory, { chunks, length }: Chunks): Uint8Array {
  if (memory.bytes.length < length) memory.bytes = new Uint8Array(Math.ceil(length * SPARE))
  let end = 0
  for (const chunk of chunks) {
    memory.bytes.set(chunk, end)
    end += chunk.length
  }
  return memory.bytes.subarray(0, length)
}

/** The next batch is seldom much larger than this one. */
const SPARE = 1.2
