import type { Decision, DecisionsRecord } from '../../ingest/events/decisions.ts'
import { FOLD_VERSION } from '../checkpoint.ts'

/**
 * What former owners of a partition decided beyond the checkpoint. A new owner publishes its marker first and then reads
 * `decisions` up to it: whatever lies below counts, unless it is void; whatever comes after it from an older epoch is void.
 * Up to the last adopted source offset, no record means that nothing was decided.
 */
export interface Adoption {
  /** offset of our own marker in `decisions` */
  marker_offset: number
  epoch: number
  /** first offset of `operations` that the checkpoint does not hold */
  from: number
  highest_epoch: number
  through: number
  decisions: Map<number, Decision[]>
}

/** `decisions_epoch`: the highest epoch that lies before the offset from which `decisions` will be read. */
export const newAdoption = (epoch: number, marker_offset: number, from: number, decisions_epoch: number): Adoption => ({
  marker_offset,
  epoch,
  from,
  highest_epoch: decisions_epoch,
  through: -1,
  decisions: new Map(),
})

/** Somebody raised the epoch after us, or Postgres forgot epochs that the log knows. */
export class NewerOwner extends Error {
  readonly epoch: number
  constructor(epoch: number, ours: number) {
    super(`a newer owner (epoch ${epoch}) holds this partition, ours is ${ours}`)
    this.epoch = epoch
  }
}

/**
 * Takes one record of `decisions` in. Returns true when our own marker is reached and the adoption is complete.
 * @throws NewerOwner; Error when the record was decided by a fold of another version.
 */
export function adopt(adoption: Adoption, offset: number, value: Uint8Array | null): boolean {
  const record = parseDecisions(value)
  if (record) takeRecord(adoption, record, offset)
  return offset >= adoption.marker_offset
}

function takeRecord(adoption: Adoption, record: DecisionsRecord, offset: number): void {
  if (record.epoch > adoption.epoch) throw new NewerOwner(record.epoch, adoption.epoch)
  if (record.epoch < adoption.highest_epoch) return
  adoption.highest_epoch = record.epoch
  if (record.kind === 'owner' || offset >= adoption.marker_offset) return
  const source_offset = Number(record.source_offset)
  // A producer whose reply was cut sent it twice, or the checkpoint holds it already.
  if (source_offset <= adoption.through || source_offset < adoption.from) return
  if (record.fold_version !== FOLD_VERSION) {
    throw new Error(
      `decisions beyond the last checkpoint were taken by fold version ${record.fold_version}, and this is ${FOLD_VERSION}. ` +
        'Start the former version once and stop it with SIGTERM (a clean stop ends with a checkpoint), then start this one.',
    )
  }
  adoption.through = source_offset
  adoption.decisions.set(source_offset, record.decisions)
}

/** Only owners write `decisions`; bytes that are none of theirs are nobody's decision: null. */
export function parseDecisions(value: Uint8Array | null): DecisionsRecord | null {
  if (!value) return null
  try {
    const record: unknown = JSON.parse(Buffer.from(value).toString())
    const known = record !== null && typeof record === 'object' && 'kind' in record && 'epoch' in record
    return known ? (record as DecisionsRecord) : null
  } catch {
    return null
  }
}
