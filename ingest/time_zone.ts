/** @returns how far the clocks of a time zone are ahead of UTC at `time_ms`, s; undefined when there is no such zone */
export function utcOffsetSeconds(time_zone: string, time_ms: number): number | undefined {
  const format = formatOf(time_zone)
  const name = format?.formatToParts(time_ms).find(part => part.type === 'timeZoneName')?.value
  // GMT, GMT-05:00, GMT+05:30, and before 1900 GMT-00:01:15
  const [, sign, hours, minutes, seconds = '0'] = /^GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/.exec(name ?? '') ?? []
  if (name === undefined) return undefined
  if (sign === undefined) return 0
  const offset_s = Number(hours) * 3_600 + Number(minutes) * 60 + Number(seconds)
  return sign === '-' ? -offset_s : offset_s
}

function formatOf(time_zone: string): Intl.DateTimeFormat | undefined {
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: time_zone, timeZoneName: 'longOffset' })
  } catch {
    return undefined
  }
}
