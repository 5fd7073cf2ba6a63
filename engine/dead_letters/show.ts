import { tableText } from '../command.ts'
import type { RedriveNote } from '../io/redrives.ts'
import type { Letter } from './letters.ts'

/** Letters and their bytes for a person. Pure. */

/** What is known of a letter beside itself. */
export interface Told {
  letter: Letter
  /** how it was sent again */
  redrive: RedriveNote | undefined
  /** of which letter this is the redrive that died again */
  redrive_of: string | undefined
  /** reason for which its redrive died again */
  died_again: { id: string; reason: string } | undefined
}

export function tell(letters: readonly Letter[], redrives: readonly RedriveNote[]): Told[] {
  const byLetter = new Map(redrives.map(redrive => [redrive.letter_id, redrive]))
  const byTarget = new Map(redrives.map(redrive => [targetOf(redrive), redrive]))
  const byId = new Map(letters.map(letter => [letter.id, letter]))
  return letters.map(letter => {
    const redrive = byLetter.get(letter.id)
    const again = redrive && byId.get(targetOf(redrive))
    return {
      letter,
      redrive,
      redrive_of: byTarget.get(letter.id)?.letter_id,
      died_again: again && { id: again.id, reason: again.reason },
    }
  })
}

export const targetOf = ({ target_topic, target_partition, target_offset }: RedriveNote): string =>
  `${target_topic}/${target_partition}/${target_offset ?? '?'}`

const DETAIL_MAX = 60

export function listText(told: readonly Told[]): string {
  const rows = told.map(({ letter, redrive, redrive_of, died_again }) => [
    letter.id,
    new Date(letter.died_at).toISOString(),
    letter.reason,
    typeof letter.event?.type === 'string' ? letter.event.type.slice(0, 24) : '-',
    statusOf(redrive, died_again),
    `${redrive_of ? `(of ${redrive_of}) ` : ''}${clean(letter.detail, DETAIL_MAX)}`,
  ])
  return tableText([['ID', 'died at', 'reason', 'type', 'sent again', 'detail'], ...rows])
}

function statusOf(redrive: Told['redrive'], died_again: Told['died_again']): string {
  if (!redrive) return 'no'
  if (redrive.target_offset === null) return 'not finished'
  return died_again ? `died again: ${died_again.reason}` : `to ${targetOf(redrive)}`
}

export function countsText(told: readonly Told[]): string {
  const counts = new Map<string, number>()
  for (const { letter } of told) counts.set(letter.reason, (counts.get(letter.reason) ?? 0) + 1)
  return [...counts]
    .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
    .map(([reason, count]) => `${reason} ${count}`)
    .join(' · ')
}

export function letterText({ letter, redrive, redrive_of, died_again }: Told): string {
  const lines = [
    `${letter.id}   ${letter.reason}`,
    `  why        ${clean(letter.detail, 500)}`,
    `  died at    ${new Date(letter.died_at).toISOString()} (wall clock)`,
  ]
  if (redrive_of) lines.push(`  redrive of ${redrive_of}: it died again`)
  if (redrive) lines.push(...redriveLines(redrive, died_again))
  else lines.push('  sent again no')
  lines.push(`  ${letter.value.length} bytes:`, '', bytesText(letter.value))
  return lines.join('\n')
}

function redriveLines(redrive: RedriveNote, died_again: Told['died_again']): string[] {
  const { actor, asked_at, published_at, note, edited, former_event_id, event_id } = redrive
  const lines = [
    published_at === null
      ? `  sent again not finished: asked by ${actor} at ${asked_at.toISOString()}; redrive it to go on`
      : `  sent again to ${targetOf(redrive)} by ${actor} at ${published_at.toISOString()}${edited ? ', edited' : ''}`,
  ]
  if (note) lines.push(`  note       ${note}`)
  if (former_event_id)
    lines.push(`  event_id   ${event_id} in place of ${former_event_id}, which was too old to be told apart`)
  if (died_again) lines.push(`  and then   it died again: ${died_again.reason}, see ${died_again.id}`)
  return lines
}

/** Nothing that somebody put into bytes may steer a terminal. */
export function clean(text: string, length_max: number): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what must not get through
  const safe = text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, '·')
  return safe.length > length_max ? `${safe.slice(0, length_max - 1)}…` : safe
}

const SHOWN_BYTES_MAX = 16_384

/** JSON laid out for reading; everything else as a hex dump. */
export function bytesText(bytes: Buffer): string {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    return JSON.stringify(value, null, 2)
      .split('\n')
      .map(line => clean(line, 2_000))
      .join('\n')
  } catch {
    const rest = bytes.length - SHOWN_BYTES_MAX
    const dump = hexDump(bytes.subarray(0, SHOWN_BYTES_MAX))
    return rest > 0 ? `${dump}\n… and ${rest} bytes more: show with --raw to have all of them` : dump
  }
}

/** offset, 16 bytes, and what of them can be read */
export function hexDump(bytes: Uint8Array): string {
  const lines: string[] = []
  for (let at = 0; at < bytes.length; at += 16) {
    const row = [...bytes.subarray(at, at + 16)]
    const hex = row.map(byte => byte.toString(16).padStart(2, '0'))
    const columns = `${hex.slice(0, 8).join(' ').padEnd(23)}  ${hex.slice(8).join(' ').padEnd(23)}`
    const text = row.map(byte => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('')
    lines.push(`${at.toString(16).padStart(8, '0')}  ${columns}  ${text}`)
  }
  return lines.length > 0 ? lines.join('\n') : '(no bytes at all)'
}

/** One letter as JSON; the bytes as text where they are valid UTF-8, else in base64. */
export function letterJson({ letter, redrive, redrive_of, died_again }: Told) {
  const { value, event: _, died_at, ...rest } = letter
  return {
    ...rest,
    died_at: new Date(died_at).toISOString(),
    ...(isUtf8(value) ? { value: value.toString() } : { value_base64: value.toString('base64') }),
    redrive: redrive ?? null,
    redrive_of: redrive_of ?? null,
    died_again: died_again ?? null,
  }
}

function isUtf8(bytes: Buffer): boolean {
  return Buffer.from(bytes.toString()).equals(bytes)
}
