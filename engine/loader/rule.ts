/**
 * The readers' rule for `decisions` and `movements`, by partition. What an engine wrote is void for every reader when its
 * epoch is below the highest one seen (its writer had lost the partition), or when it repeats a source offset.
 *
 *   movements  │ owner 1 │ 0…99 │ 100…199 │ owner 2 │ 80…149 │ 150…260 │ 200…250 │ 261…300
 *   epoch      │         │  1   │    1    │         │   2    │    2    │    1    │    2
 *   void       │         │      │         │         │  all   │  …199   │   all   │
 *   highest    │ −1      │  99  │   199   │   199   │  199   │   260   │   260   │   300
 *
 * Repeats come from producers that send again after a cut connection, and in `movements` from every new owner: it folds
 * again from the checkpoint on and tells those movements again, cut into other records. The cuts don't matter, because
 * rows are judged by source offset, all rows of one source offset stand in one record, and one owner's records rise.
 *
 * Why what counts is what was decided. A new owner writes its marker into `movements` first and into `decisions` second; an
 * owner sends the movements of an offset only when its decisions are acknowledged. So if movements of epoch 1 count, they
 * lie before marker 2 in `movements`; their decisions were in the log before them, and so before marker 2 in `decisions`:
 * owner 2 adopts them, and its own movements of that offset are the same. If they come too late (a stalled owner wakes up),
 * they are void, and owner 2 tells what it folded itself. And nothing is left out: what owner 1 holds to be acknowledged
 * but was void is not in its checkpoint either, since marker 2 comes after the epoch that refuses that checkpoint.
 *
 * What rests on the code's version: an offset whose movements count and that had no decision is folded anew by owner 2. The
 * same version decides nothing there either; another one does not start beyond a checkpoint with decisions of the former.
 */

export interface RuleState {
  /** highest epoch seen; 0: none */
  epoch: number
  /** highest source offset seen that was not void; −1: none */
  source_offset: number
}

/**
 * What a record says of itself. `source_offset` is null for an owner's marker, and the last one of its rows for a record of
 * movements.
 */
export interface Mark {
  epoch: number
  source_offset: number | null
}

/** The rule over one record after the other, with the state kept for the caller. */
export type Judge = (mark: Mark | undefined) => { void_to: number }

export const NOTHING_SEEN: RuleState = { epoch: 0, source_offset: -1 }

/**
 * @returns the state after the record, and up to which source offset its rows are void: those above it count. −1: none of
 * them is void; Infinity: all are. A record without a mark (unreadable) changes nothing.
 */
export function judge(state: RuleState, mark: Mark | undefined): { state: RuleState; void_to: number } {
  if (!mark) return { state, void_to: -1 }
  const { epoch, source_offset } = mark
  if (epoch < state.epoch) return { state, void_to: Number.POSITIVE_INFINITY }
  if (source_offset === null) return { state: { ...state, epoch }, void_to: -1 }
  return { state: { epoch, source_offset: Math.max(state.source_offset, source_offset) }, void_to: state.source_offset }
}
