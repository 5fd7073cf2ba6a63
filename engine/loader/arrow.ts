import { Field, makeData, RecordBatch, RecordBatchStreamWriter, Schema, Struct } from 'apache-arrow'
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

const kept = new Map<Topic, object>()

/** Empty ones, which are the topic's own: good until they are asked for again. */
export function emptyColumns<T extends Topic>(topic: T): Columns<T> {
  const columns = (kept.get(topic) ?? newColumns(topic)) as Columns<T>
  for (const column of Object.values<Column>(columns)) column.clear()
  kept.set(topic, columns)
  return columns
}

function newColumns(topic: Topic): object {
  const entries = Object.entries<Kind>(TABLES[topic].columns).map(([name, kind], place) => [
    name,
    newColumn(kind, place),
  ])
  return Object.fromEntries(entries)
}

/**
 * The bytes of an Arrow IPC stream: the schema, the dictionaries, and one record batch with the columns in the order of the
 * table.
 * @throws Error when a column has another length than the others, which is a mistake of ours
 */
export function encodeArrow(topic: Topic, columns: object): { bytes: Uint8Array; rows: number } {
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
  return { bytes: RecordBatchStreamWriter.writeAll([batch]).toUint8Array(true), rows }
}
