import { Misuse } from '../command.ts'

/** A moment as people name it: a time of the business clock, or an offset of the log. Pure. */
export type Moment = { kind: 'end' } | { kind: 'offset'; offset: number } | { kind: 'time'; time_ms: number }

export const MOMENT_FORMATS =
  '19:30, 19:30:05, 2026-01-02T19:30, 2026-01-02T19:30:00Z, an offset such as 120400, or now'

const CLOCK = /^(\d\d?):(\d\d)(?::(\d\d))?$/
const LOCAL = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,3}))?)?)?$/

/**
 * @param now_ms business time, for what "today" is
 * @param time_zone IANA name, of times without a zone of their own
 * @throws Misuse when the text names no moment
 */
export function readMoment(text: string, now_ms: number, time_zone: string): Moment {
  if (text === 'now') return { kind: 'end' }
  if (/^\d{1,15}$/.test(text)) return { kind: 'offset', offset: Number(text) }
  const time_ms = timeOf(text, now_ms, time_zone)
  if (time_ms === null || Number.isNaN(time_ms)) throw new Misuse(`"${text}" is no moment: ${MOMENT_FORMATS}`)
  return { kind: 'time', time_ms }
}

function timeOf(text: string, now_ms: number, time_zone: string): number | null {
  const clock = CLOCK.exec(text)
  if (clock) {
    const [, hour = '', minute = '', second = '0'] = clock
    if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return null
    const today = localText(now_ms, time_zone).slice(0, 10)
    return fromLocal(`${today}T${hour.padStart(2, '0')}:${minute}:${second.padStart(2, '0')}`, time_zone)
  }
  if (LOCAL.test(text)) return fromLocal(text.replace(' ', 'T'), time_zone)
  return /^\d{4}-\d\d-\d\dT.*(Z|[+-]\d\d:?\d\d)$/.test(text) ? Date.parse(text) : null
}

/** Local time to ms: the offset of the zone is that of the result, so it is looked for twice around a change of the clocks. */
function fromLocal(text: string, time_zone: string): number {
  const as_utc = Date.parse(text.length === 10 ? `${text}T00:00:00Z` : `${text}Z`)
  const guess = as_utc - aheadMs(as_utc, time_zone)
  return as_utc - aheadMs(guess, time_zone)
}

/** How far local clocks are ahead of UTC. */
function aheadMs(time_ms: number, time_zone: string): number {
  if (Number.isNaN(time_ms)) return 0
  return Date.parse(`${localText(time_ms, time_zone)}Z`) - Math.floor(time_ms / 1_000) * 1_000
}

const formats = new Map<string, Intl.DateTimeFormat>()

/** 2026-01-02T19:30:00 in the time zone */
export function localText(time_ms: number, time_zone: string): string {
  let format = formats.get(time_zone)
  if (!format) {
    const whole = { year: 'numeric', month: '2-digit', day: '2-digit' } as const
    const clock = { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' } as const
    format = new Intl.DateTimeFormat('sv-SE', { ...whole, ...clock, timeZone: time_zone })
    formats.set(time_zone, format)
  }
  return format.format(time_ms).replace(' ', 'T')
}

/** 19:30:05 */
export const clockText = (time_ms: number, time_zone: string): string => localText(time_ms, time_zone).slice(11)

/** 2026-01-02 19:30:05 */
export const dayText = (time_ms: number, time_zone: string): string => localText(time_ms, time_zone).replace('T', ' ')
