/** The hour on the clocks of a place. */

export type Weekday = 'Mon' | 'Tue' | 'Wed' | 'Thu' | 'Fri' | 'Sat' | 'Sun'

export interface HourWanted {
  time_zone: string
  /** of the local day */
  minute_of_day: number
  weekday?: Weekday
}

const DAY_MS = 86_400_000
const DAYS_AHEAD_MAX = 9
/** Half a day: the shortest day, on which clocks are put forward, has 23 hours, and none may be stepped over. */
const STEP_MS = DAY_MS / 2

export const weekdayOf = (time_ms: number, time_zone: string): Weekday =>
  new Intl.DateTimeFormat('en-US', { timeZone: time_zone, weekday: 'short' }).format(time_ms) as Weekday

/** @returns the first time, ms, that the clocks there show this after `after_ms` */
export function nextLocalTime(after_ms: number, { time_zone, minute_of_day, weekday }: HourWanted): number {
  for (let ahead = 0; ahead <= 2 * DAYS_AHEAD_MAX; ahead++) {
    const time_ms = atLocalTime(after_ms + ahead * STEP_MS, time_zone, minute_of_day)
    if (time_ms > after_ms && (weekday === undefined || weekdayOf(time_ms, time_zone) === weekday)) return time_ms
  }
  throw new Error(`no clock in ${time_zone} shows that within ${DAYS_AHEAD_MAX} days`)
}

/** That minute of the local day that `time_ms` falls on. */
function atLocalTime(time_ms: number, time_zone: string, minute_of_day: number): number {
  const offset_ms = offsetOf(time_ms, time_zone)
  const local_ms = Math.floor((time_ms + offset_ms) / DAY_MS) * DAY_MS + minute_of_day * 60_000
  // The clocks may have been put forward or back between the two: the offset is that of the time found, not of the time given.
  return local_ms - offsetOf(local_ms - offset_ms, time_zone)
}

/** ms that the clocks there are ahead of UTC */
function offsetOf(time_ms: number, time_zone: string): number {
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone: time_zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  }).formatToParts(time_ms)
  const of = (type: string): number => Number(parts.find(part => part.type === type)?.value)
  const shown_ms = Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute'), of('second'))
  return shown_ms - Math.floor(time_ms / 1_000) * 1_000
}
