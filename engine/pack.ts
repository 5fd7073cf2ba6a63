import type { LogMessage } from '../ingest/io/reader.ts'
import type { PackedMessages, PackedRecords } from './protocol.ts'

/** Messages and records as one buffer and an index each, so that they cross a thread by transfer and not by copy. */

/** A message without bytes (a tombstone) becomes an empty value, which is a dead letter like any other that is not JSON. */
export function packMessages(messages: readonly LogMessage[]): PackedMessages {
  const index = new Float64Array(messages.length * 4)
  const total = messages.reduce((sum, { value }) => sum + (value?.length ?? 0), 0)
  const bytes = new Uint8Array(total)
  let end = 0
  messages.forEach(({ offset, appended_at, value }, place) => {
    const start = end
    if (value) bytes.set(value, start)
    end += value?.length ?? 0
    index.set([offset, appended_at, start, end], place * 4)
  })
  return { index, bytes }
}

export function* unpackMessages({ index, bytes }: PackedMessages) {
  for (let at = 0; at < index.length; at += 4) {
    const [offset = 0, appended_at = 0, start = 0, end = 0] = index.subarray(at, at + 4)
    yield { offset, appended_at, value: bytes.subarray(start, end) }
  }
}

export interface RecordPacker {
  add(zone_id: string, source_offset: number, text: string): void
  pack(): PackedRecords
}

export function newRecordPacker(): RecordPacker {
  const zone_ids: string[] = []
  const rows: number[] = []
  const texts: Buffer[] = []
  let end = 0
  return {
    add(zone_id, source_offset, text) {
      let zone = zone_ids.indexOf(zone_id)
      if (zone < 0) zone = zone_ids.push(zone_id) - 1
      const value = Buffer.from(text)
      texts.push(value)
      rows.push(zone, source_offset, end, end + value.length)
      end += value.length
    },
    pack() {
      const bytes = new Uint8Array(end)
      let at = 0
      for (const text of texts) {
        bytes.set(text, at)
        at += text.length
      }
      return { zone_ids, index: Float64Array.from(rows), bytes }
    },
  }
}

export interface UnpackedRecord {
  zone_id: string
  source_offset: number
  value: Buffer
}

export function unpackRecords({ zone_ids, index, bytes }: PackedRecords): UnpackedRecord[] {
  const records: UnpackedRecord[] = []
  for (let at = 0; at < index.length; at += 4) {
    const [zone = 0, source_offset = 0, start = 0, end = 0] = index.subarray(at, at + 4)
    const value = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start)
    records.push({ zone_id: zone_ids[zone] ?? '', source_offset, value })
  }
  return records
}
