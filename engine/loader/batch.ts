import type { Topic } from '../../ingest/contract.ts'
import { type BatchMemory, type Columns, clearColumns, encodeArrow } from './arrow.ts'
import { addDecisions } from './decisions.ts'
import { addMovements } from './movements.ts'
import { type ReadRecord, readRecords } from './records.ts'
import { addCourier, addDeadLetter, addDelivery, addOperation, type Head } from './rows.ts'
import { type Judge, judge, type RuleState } from './rule.ts'
import { NO_HEADERS, type Piece } from './waiting.ts'

/** From records to the bytes of one INSERT. The same records from the same state give the same bytes. */

/** The records of one partition in a batch; `before`: the readers' rule as it stood in front of them. */
export interface Part {
  partition: number
  records: readonly Piece[]
  before: RuleState
}

/**
 * @returns bytes: good until the next batch is made in this memory; appended_at: of its first record, ms, null: it has none;
 * after: the readers' rule behind each part, in the order of the parts
 */
export function encodeBatch(
  memory: BatchMemory,
  parts: readonly Part[],
): { bytes: Uint8Array; rows: number; appended_at: number | null; after: RuleState[] } {
  clearColumns(memory)
  const { columns } = memory
  const add = ADD[memory.topic] as AddRows
  const after = parts.map(({ partition, records, before }) => {
    let state = before
    const judged: Judge = mark => {
      const verdict = judge(state, mark)
      state = verdict.state
      return verdict
    }
    for (const { stretch, from, to } of records) {
      const { offsets, appended_at, headers } = stretch
      readRecords(stretch, { from, to }, (record, n) => {
        const head = {
          kafka_partition: partition,
          kafka_offset: offsets[n] ?? 0,
          appended_at: appended_at[n] ?? 0,
        }
        add(columns, head, record, judged, headers[n] ?? NO_HEADERS)
      })
    }
    return state
  })
  return { ...encodeArrow(memory), appended_at: firstOf(parts), after }
}

/** All records of a batch are of one day, whichever is the first. */
function firstOf(parts: readonly Part[]): number | null {
  for (const { records } of parts) {
    for (const { stretch, from, to } of records) if (from < to) return stretch.appended_at[from] ?? null
  }
  return null
}

type AddRows = (
  to: object,
  head: Head,
  record: ReadRecord,
  judge: Judge,
  headers: Readonly<Record<string, string>>,
) => void

const ADD: {
  [T in Topic]: (to: Columns<T>, ...rest: Parameters<AddRows> extends [unknown, ...infer R] ? R : never) => void
} = {
  operations: addOperation,
  couriers: addCourier,
  decisions: addDecisions,
  movements: addMovements,
  deliveries: addDelivery,
  'dead-letters': (to, head, record, _judge, headers) => addDeadLetter(to, head, record, headers),
}
