import { type Logger, pino } from 'pino'

export type Log = Logger

/**
 * JSON lines on standard output, one object a line.
 * Levels: error = somebody must act; warn = it mended itself and here is how often; info = an event of the service's life.
 */
export function openLog(service: string, level: string): Log {
  return pino({
    level,
    base: { service, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: label => ({ level: label }) },
  })
}
