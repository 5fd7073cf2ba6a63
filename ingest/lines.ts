/**
 * A stream of bytes cut into lines, in bounded memory: of a line longer than `line_bytes_max` nothing is kept, and null
 * stands for it. Empty lines are left out. Each list holds the lines that one chunk completed.
 */
export async function* linesOf(
  chunks: AsyncIterable<Uint8Array>,
  line_bytes_max: number,
): AsyncGenerator<(Buffer | null)[]> {
  let parts: Buffer[] = []
  let bytes = 0

  const add = (part: Buffer): void => {
    bytes += part.length
    if (bytes > line_bytes_max) parts = []
    else parts.push(part)
  }
  const finish = (lines: (Buffer | null)[]): void => {
    const line = bytes > line_bytes_max ? null : Buffer.concat(parts)
    if (line === null || !isBlank(line)) lines.push(line)
    parts = []
    bytes = 0
  }

  for await (const chunk of chunks) {
    const lines: (Buffer | null)[] = []
    let from = 0
    const buffer = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    for (let end = buffer.indexOf(NEWLINE); end >= 0; end = buffer.indexOf(NEWLINE, from)) {
      add(buffer.subarray(from, end))
      finish(lines)
      from = end + 1
    }
    if (from < buffer.length) add(buffer.subarray(from))
    if (lines.length > 0) yield lines
  }
  const last: (Buffer | null)[] = []
  if (bytes > 0) finish(last)
  if (last.length > 0) yield last
}

const NEWLINE = 10
const BLANKS = new Set([9, 13, 32])
const isBlank = (line: Buffer): boolean => line.every(byte => BLANKS.has(byte))
