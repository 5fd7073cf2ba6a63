import type { Clock } from '../../ingest/events/network.ts'

/**
 * The city's time on the page. ingest/contract.ts has the same mapping; it is written here again because that module would
 * bring its schemas into the bundle, and because the couriers need fractions of a millisecond.
 */
export const cityTime = (clock: Clock, wall_ms: number): number =>
  clock.time_ms + (wall_ms - clock.wall_ms) * clock.rate

/** Offsets that transport explains are not a wrong clock. */
const SKEW_MS_MIN = 250

/**
 * How far this machine's clock runs ahead of the gateway's, ms: the smallest offset seen, since the rest of it is transport.
 * 0 for what a slow way alone can explain.
 */
export function skewOf(offset_ms_min: number): number {
  return Math.abs(offset_ms_min) < SKEW_MS_MIN ? 0 : offset_ms_min
}

let zone: string | undefined
const formats = new Map<string, Intl.DateTimeFormat>()

/** The city's IANA time zone, once the configuration is there. */
export function setTimeZone(name: string | undefined): void {
  zone = name
  formats.clear()
}

function format(key: string, options: Intl.DateTimeFormatOptions, time_ms: number): string {
  let made = formats.get(key)
  if (!made) {
    made = new Intl.DateTimeFormat('en-US', { ...options, hourCycle: 'h23', ...(zone ? { timeZone: zone } : {}) })
    formats.set(key, made)
  }
  return made.format(time_ms)
}

export const weekday = (time_ms: number) => format('weekday', { weekday: 'short' }, time_ms)
export const hms = (time_ms: number) =>
  format('hms', { hour: '2-digit', minute: '2-digit', second: '2-digit' }, time_ms)
export const hm = (time_ms: number) => format('hm', { hour: '2-digit', minute: '2-digit' }, time_ms)

/** 75 000 → "1:15", 4 000 000 → "1 h 06 min". Of the size only: the words around it say whether it is past or to come. */
export function span(ms: number): string {
  const s = Math.round(Math.abs(ms) / 1000)
  if (s < 3600) return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, '0')}`
  return `${Math.floor(s / 3600)} h ${String(Math.floor((s % 3600) / 60)).padStart(2, '0')} min`
}

export const minutes = (s: number) => `${Math.max(1, Math.round(s / 60))} min`

/** 10 → "10×", 0.5 → "0.5×". */
export const rate = (of: number) => `${Number(of.toFixed(2))}×`
