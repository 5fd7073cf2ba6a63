import { type Logger, type LoggerOptions, pino } from 'pino'

export type Log = Logger

/**
 * JSON lines on standard output, one object a line.
 * Levels: error = somebody must act; warn = it mended itself and here is how often; info = an event of the service's life.
 */
export function openLog(service: string, level: string): Log {
  // Not by way of the thread pool, pino's default: processes whose reader had gone were seen to hang at their exit with a
  // write pending there.
  const output = pino.destination({ fd: 1, sync: true })
  // That nobody reads the log any more is no reason to end.
  output.on('error', () => {})
  const options: LoggerOptions = {
    level,
    base: { service, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: label => ({ level: label }) },
  }
  return pino(options, output)
}
