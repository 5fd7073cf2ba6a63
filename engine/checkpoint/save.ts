import { FOLD_VERSION } from '../checkpoint.ts'
import { type Checkpoint, PART_BYTES_MAX } from '../io/checkpoints.ts'
import type { OwnerEffects } from '../owner/effects.ts'
import { offersAreOut } from '../owner/offers.ts'
import { BOTH_TOPICS, inTurn, type Owner } from '../owner.ts'
import type { CutAnswer, Due } from '../worker/protocol.ts'
import { FORMAT } from './frames.ts'

/**
 * An owner's checkpoints. Slices are made and written between the batches (cut.ts); only the cut itself takes its turn, so
 * that everything in it is acknowledged; and while Postgres writes it, the fold goes on.
 */
export interface Chain {
  /** number of the newest checkpoint; the next one is above it, whether or not that one was written */
  cut: number
  /** the checkpoint that wrote all rows; null: the next one must */
  base: number | null
  base_bytes: number
  later_bytes: number
}

export const chainOf = (checkpoint: Checkpoint | null): Chain => ({
  cut: checkpoint?.cut ?? 0,
  // The worker knows what changed since, and so a chain can be gone on with by its next owner.
  base: checkpoint?.base ?? null,
  base_bytes: checkpoint?.base_bytes ?? 0,
  later_bytes: checkpoint?.later_bytes ?? 0,
})

/** Below this a state is written whole about as often as it changes. */
const LATER_BYTES_MIN = 4_194_304
/** What a takeover has to read is at most three times the state; what is written, at most half more than what changed. */
const LATER_TO_BASE_MAX = 2
const CUTS_MAX = 64
/** Rows that may be left for the cut, which holds up the fold: some 2 ms. */
const LEFT_MAX = 100
/**
 * A fold that catches up changes rows faster than small slices write them, so a slice grows with what was folded since the
 * one before it: to about half of the time that a batch takes. Without that the cut took 150,000 rows at once, half a
 * second in which nothing was decided.
 */
const EVENTS_A_FRAME = 32
const FRAMES_MAX = 32
/** If even those gain nothing so often in a row, the cut takes what is left. */
const IN_VAIN_MAX = 10

/** Brings a checkpoint's state into the worker. Returns the fold's next timer. */
export async function restore(
  at: { partition: number; epoch: number },
  checkpoint: Checkpoint,
  effects: OwnerEffects,
  signal: AbortSignal,
): Promise<Due | null> {
  const { partition, epoch } = at
  if (checkpoint.format !== FORMAT) {
    throw new Error(
      `the checkpoint of partition ${partition} has format ${checkpoint.format}, written by fold version ` +
        `${checkpoint.fold_version}; this build reads ${FORMAT}. Start the version that wrote it, or, to fold the log anew, ` +
        `delete it: DELETE FROM checkpoint_cuts WHERE partition = ${partition}`,
    )
  }
  let bytes = 0
  for (let read = 0; ; ) {
    const parts = await effects.readParts(partition, checkpoint, read)
    for (const frames of parts) {
      signal.throwIfAborted()
      await effects.ask<'restore'>({ kind: 'restore', partition, epoch, frames })
      bytes += frames.length
    }
    if (parts.length === 0) break
    read += parts.length
  }
  // A newer owner that began a chain of its own has deleted this one while we stood still: half a state would decide wrongly.
  if (bytes !== checkpoint.base_bytes + checkpoint.later_bytes) {
    throw new Error(
      `of checkpoint ${checkpoint.cut} of partition ${partition} ${bytes} bytes are left of ` +
        `${checkpoint.base_bytes + checkpoint.later_bytes}: a newer owner has replaced it`,
    )
  }
  return effects.ask<'restore'>({ kind: 'restore', partition, epoch, frames: null })
}

/** One at a time. Saves nothing when nothing was folded since the last one. */
export function saveCheckpoint(owner: Owner, effects: OwnerEffects): Promise<void> {
  const run = owner.saving.then(() => saveNext(owner, effects))
  owner.saving = run.catch(() => undefined)
  return run
}

async function saveNext(owner: Owner, effects: OwnerEffects): Promise<void> {
  const { partition, epoch, next, saved, chain } = owner
  if (next.operations === saved.operations && next.couriers === saved.couriers) return
  const whole =
    chain.base === null ||
    chain.cut - chain.base >= CUTS_MAX ||
    chain.later_bytes > Math.max(LATER_BYTES_MIN, LATER_TO_BASE_MAX * chain.base_bytes)
  const base = whole ? null : chain.base
  const cut = chain.cut + 1
  // If anything fails from here on, what the worker believes to be written is not: then the next one writes all.
  chain.cut = cut
  chain.base = null
  const bytes_before = await saveSlices(owner, cut, whole, effects)
  const taken = await inTurn(owner, BOTH_TOPICS, () => takeCut(owner, effects))
  if (!taken) return
  const bytes = bytes_before.bytes + taken.frames.length
  await effects.writePart({ partition, epoch, cut, part: bytes_before.parts, frames: taken.frames })
  const { frames: _, ...head } = taken
  const write = { partition, epoch, cut, base: base ?? cut, fold_version: FOLD_VERSION, format: FORMAT, bytes, ...head }
  if (!(await effects.writeCut(write))) {
    // Lost in the regular way while this was under way: nothing is wrong.
    if (owner.ended.signal.aborted) return
    effects.fault(new Error(`partition ${partition} has a newer owner than epoch ${epoch}`))
    return
  }
  owner.saved = { operations: taken.operations_next, couriers: taken.couriers_next }
  chain.base = base ?? cut
  if (whole) chain.base_bytes = bytes
  chain.later_bytes = whole ? 0 : chain.later_bytes + bytes
  effects.metrics.checkpointed(bytes)
}

/** Until hardly anything is left. Parts are as large as a row of Postgres likes them. */
async function saveSlices(
  owner: Owner,
  cut: number,
  whole: boolean,
  effects: OwnerEffects,
): Promise<{ parts: number; bytes: number }> {
  const { partition, epoch } = owner
  const written = { parts: 0, bytes: 0 }
  let waiting: Uint8Array[] = []
  let waiting_bytes = 0
  let least = Number.POSITIVE_INFINITY
  let in_vain = 0
  let folded = foldedBy(owner)
  for (let first = true, last = false; !last; first = false) {
    const before = folded
    folded = foldedBy(owner)
    const { left, frames: slice } = await effects.ask<'slice'>({
      kind: 'slice',
      partition,
      epoch,
      whole: whole && first,
      frames_max: Math.min(FRAMES_MAX, 1 + Math.floor((folded - before) / EVENTS_A_FRAME)),
    })
    if (left < least) in_vain = 0
    else if (left !== Number.POSITIVE_INFINITY) in_vain += 1
    least = Math.min(least, left)
    last = left <= LEFT_MAX || in_vain >= IN_VAIN_MAX
    waiting.push(slice)
    waiting_bytes += slice.length
    if (waiting_bytes === 0 || (waiting_bytes < PART_BYTES_MAX && !last)) continue
    const frames = Buffer.concat(waiting)
    await effects.writePart({ partition, epoch, cut, part: written.parts, frames })
    written.parts += 1
    written.bytes += frames.length
    waiting = []
    waiting_bytes = 0
  }
  return written
}

const foldedBy = ({ next }: Owner): number => next.operations + next.couriers

type Taken = CutAnswer & { decisions_next: number; decisions_epoch: number }

/** In turn, so that no batch is between its fold and its acknowledgement. */
async function takeCut(owner: Owner, effects: OwnerEffects): Promise<Taken | null> {
  if (!owner.settled.operations || !owner.settled.couriers) return null
  await owner.ledger
  if (!(await offersAreOut(owner, effects))) return null
  const { partition, epoch, decisions_next, decisions_epoch } = owner
  const answer = await effects.ask<'cut'>({ kind: 'cut', partition, epoch })
  return { ...answer, decisions_next, decisions_epoch }
}
