import type { DecisionsRecord } from '../../ingest/events/decisions.ts'

/** How far each partition of `decisions` was applied, and what that says of the next record. */
export type DecisionsPositions = Map<number, DecisionsPosition>

interface DecisionsPosition {
  epoch: number
  next_offset: number
  source_offset: number
  /** where each epoch was first seen, newest last: tells which records of the past were void */
  epochs: { epoch: number; offset: number }[]
}

/** Where a record lies. */
export interface At {
  partition: number
  offset: number
}

/** The position as the book has it. */
export const bookPosition = (epoch: number, next_offset: number, source_offset: number): DecisionsPosition => ({
  epoch,
  next_offset,
  source_offset,
  epochs: [],
})

/**
 * new: apply it. known: it changes nothing, because the book has it or it came before; it may still be told. void: of an owner
 * that was replaced, so nothing happened. An owner's own record raises the epoch and is never new.
 */
export function judge(positions: DecisionsPositions, record: DecisionsRecord, at: At): 'new' | 'known' | 'void' {
  const position = positions.get(at.partition) ?? bookPosition(0, 0, -1)
  positions.set(at.partition, position)
  noteEpoch(position, record.epoch, at.offset)
  if (at.offset < position.next_offset) return wasVoid(position, record.epoch, at.offset) ? 'void' : 'known'
  position.next_offset = at.offset + 1
  if (record.epoch < position.epoch) return 'void'
  position.epoch = record.epoch
  if (record.kind === 'owner' || Number(record.source_offset) <= position.source_offset) return 'known'
  position.source_offset = Number(record.source_offset)
  return 'new'
}

const EPOCHS_MAX = 100

function noteEpoch({ epochs }: DecisionsPosition, epoch: number, offset: number): void {
  const known = epochs.find(one => one.epoch === epoch)
  if (known) known.offset = Math.min(known.offset, offset)
  else epochs.push({ epoch, offset })
  if (epochs.length > EPOCHS_MAX) epochs.shift()
}

const wasVoid = ({ epochs }: DecisionsPosition, epoch: number, offset: number): boolean =>
  epochs.some(one => one.epoch > epoch && one.offset < offset)
