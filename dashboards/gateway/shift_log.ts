import type { NoteView } from '../../dispatch/contract.ts'
import { applyNote, type Picture } from './picture.ts'

/** The shift log is in Postgres alone, and told to nobody by itself: whoever shows it looks there again and again. */
export interface ShiftLogEffects {
  /** business ms */
  now(): number
  /** newest first; rejects while Postgres is away */
  notes(span: { from_ms: number; to_ms: number }): Promise<NoteView[]>
}

/**
 * Business ms. What has just been, for who begins; after that a note may be committed this long after its time, and its writer's
 * clock may be this much ahead.
 */
const MARGIN_MS = 10 * 60_000

/** @returns what reads once: each note goes into the picture once, however often it is read, and after an outage those of the outage too */
export function shiftLogReader(picture: Picture, { now, notes }: ShiftLogEffects): () => Promise<void> {
  let read_at = now()
  let told: ReadonlySet<string> = new Set()
  return async () => {
    const at = Math.max(read_at, now())
    const read = await notes({ from_ms: read_at - MARGIN_MS, to_ms: at + MARGIN_MS })
    for (const note of read.toReversed()) if (!told.has(note.note_id)) applyNote(picture, note)
    // A span never begins before the last one did: what this one no longer holds does not come back.
    told = new Set(read.map(note => note.note_id))
    read_at = at
  }
}
