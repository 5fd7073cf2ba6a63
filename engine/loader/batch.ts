import type { Topic } from '../../ingest/contract.ts'
import { encodeArrow } from './arrow.ts'
import type { Decoded } from './decode.ts'
import { judge, type RuleState } from './rule.ts'
import { type Row, TABLES } from './tables.ts'

/** From records to the bytes of one INSERT. The same records from the same state give the same bytes. */

/** The records of one partition in a batch; `before`: the readers' rule as it stood in front of them. */
export interface Part {
  partition: number
  records: readonly Decoded[]
  before: RuleState
}

/** `after`: the readers' rule behind each part, in the order of the parts. */
export function encodeBatch(
  topic: Topic,
  parts: readonly Part[],
): { bytes: Uint8Array; rows: number; after: RuleState[] } {
  const rows: object[] = []
  const after = parts.map(part => {
    let state = part.before
    for (const record of part.records) {
      const verdict = judge(state, record.mark)
      state = verdict.state
      for (const row of record.rows) rows.push(isVoid(row, verdict.void_to) ? { ...row, void: 1 } : row)
    }
    return state
  })
  return { bytes: encodeArrow(TABLES[topic].columns, rows), rows: rows.length, after }
}

/** A marker has no source offset: it is void only when its epoch is. */
function isVoid(row: Row, void_to: number): boolean {
  if (void_to < 0 || !('source_offset' in row)) return false
  return row.source_offset === null ? void_to === Number.POSITIVE_INFINITY : row.source_offset <= void_to
}
