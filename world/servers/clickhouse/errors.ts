/** Exceptions as ClickHouse's HTTP interface shows them: a code, a name, a status and one line of text. */
export class ClickHouseException extends Error {
  readonly code: number
  constructor(code: number, name: string, message: string) {
    super(`Code: ${code}. DB::Exception: ${message} (${name})`)
    this.code = code
  }
}

/** As exceptionCodeToHTTPStatus.cpp of ClickHouse; every other code is 500. */
const STATUS_OF_CODE: ReadonlyMap<number, number> = new Map([
  [194, 401],
  ...[192, 193, 516].map(code => [code, 403] as const),
  ...[6, 25, 26, 27, 38, 41, 43, 53, 62, 69, 72, 117, 167, 168, 223, 36, 441, 376, 675, 676, 44, 456].map(
    code => [code, 400] as const,
  ),
  ...[47, 46, 50, 56, 60, 63, 73, 78, 81, 115, 129, 336, 511].map(code => [code, 404] as const),
  [159, 408],
  [381, 411],
  [229, 413],
  [48, 501],
  [202, 503],
  [209, 503],
  [76, 503],
  [439, 503],
])

export function statusOfCode(code: number): number {
  return STATUS_OF_CODE.get(code) ?? 500
}

/** `Code: N. DB::Exception: …` of anything that was thrown. Never shows the server's own temporary files. */
export function toException(thrown: unknown): { code: number; text: string } {
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  const code = Number(/^Code: (\d+)/.exec(message)?.[1] ?? 1002)
  const text = message.startsWith('Code: ') ? message : `Code: 1002. DB::Exception: ${message} (UNKNOWN_EXCEPTION)`
  return { code, text: tidy(text) }
}

function tidy(text: string): string {
  return text
    .replace(/^(Code: \d+\. DB::Exception: )+/, '$1')
    .replace(/:? ?\(in file\/uri [^)]*\)/g, '')
    .replace(/(: While executing File)?: data for INSERT was parsed from file/g, '')
    .replace(/( \(version [0-9.]+\)\.)? ?(\([A-Z0-9_]+\))( \(version [0-9.]+\))?\.? \2$/, ' $2')
}
