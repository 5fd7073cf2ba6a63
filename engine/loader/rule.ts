/**
 * The readers' rule for `decisions`, by partition. A record is void for every reader when its epoch is below the highest
 * one seen (its writer had lost the partition), or when it repeats a source offset: producers send again after a cut
 * connection, so the log may hold a record twice, and what decides goes through `operations` only forward.
 */

export interface RuleState {
  /** highest epoch seen; 0: none */
  epoch: number
  /** highest source offset seen that was not void; −1: none */
  source_offset: number
}

/** What a record of `decisions` says of itself. `source_offset` is null for an owner's marker. */
export interface Mark {
  epoch: number
  source_offset: number | null
}

export const NOTHING_SEEN: RuleState = { epoch: 0, source_offset: -1 }

/** @returns whether the record is void, and the state after it. A record without a mark (unreadable) changes nothing. */
export function judge(state: RuleState, mark: Mark | undefined): { state: RuleState; void: boolean } {
  if (!mark) return { state, void: false }
  const { epoch, source_offset } = mark
  if (epoch < state.epoch) return { state, void: true }
  if (source_offset === null) return { state: { ...state, epoch }, void: false }
  const repeat = source_offset <= state.source_offset
  return { state: { epoch, source_offset: repeat ? state.source_offset : source_offset }, void: repeat }
}
