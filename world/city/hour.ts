/** The hour on the clocks of a place. */

export type Weekday = 'Mon' | 'Tue' | 'Wed' | 'Thu' | 'Fri' | 'Sat' | 'Sun'

export interface HourWanted {
  time_zone: string
  /** of the local day */
  minute_of_day: number
  weekday?: Weekday
}

const DAYS_AHEAD_MAX = 9
/** Half a day: the shortest day, on which clocks are put forward, has 23 hours, and none may be stepped over. */
const STEP_MS = 43_200_000

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
  const first = shiftedTo(time_ms, time_zone, minute_of_day)
  // Once more, for the clocks may have been put forward or back between the two.
  return shiftedTo(first, time_zone, minute_of_day)
}

function shiftedTo(time_ms: number, time_zone: string, minute_of_day: number): number {
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone: time_zone,
    hourCycle: 'h23',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  }).formatToParts(time_ms)
  const of = (type: string): number => Number(parts.find(part => part.type === type)?.value)
  const since_midnight_s = of('hour') * 3_600 + of('minute') * 60 + of('second')
  return Math.floor(time_ms / 1_000) * 1_000 + (minute_of_day * 60 - since_midnight_s) * 1_000
}
