import fc from 'fast-check'
import { expect, test } from 'vitest'
import { linesOf } from './lines.ts'

async function cut(chunks: Buffer[], max: number): Promise<(string | null)[]> {
  async function* source() {
    yield* chunks
  }
  const lines: (string | null)[] = []
  for await (const part of linesOf(source(), max)) lines.push(...part.map(line => line?.toString() ?? null))
  return lines
}

/** Cuts a text at any bytes. */
function chunksOf(text: string, cuts: number[]): Buffer[] {
  const bytes = Buffer.from(text)
  const edges = [0, ...cuts.map(at => at % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  return edges.slice(1).map((end, index) => bytes.subarray(edges[index], end))
}

test('however the bytes are cut into chunks, the lines are the same', async () => {
  const line = fc.oneof(fc.string({ maxLength: 12 }), fc.constantFrom('', ' ', 'ü€😀', 'x'.repeat(40)))
  await fc.assert(
    fc.asyncProperty(fc.array(line), fc.array(fc.nat()), fc.boolean(), async (given, cuts, ends) => {
      const text = given.map(one => one.replaceAll('\n', '')).join('\n') + (ends ? '\n' : '')
      const expected = text
        .split('\n')
        .filter(one => !/^[ \t\r]*$/.test(one))
        .map(one => (Buffer.byteLength(one) > 30 ? null : one))
      expect(await cut(chunksOf(text, cuts), 30)).toEqual(expected)
    }),
  )
})

test('a line exactly as long as allowed passes, one byte more does not', async () => {
  expect(await cut([Buffer.from(`${'x'.repeat(30)}\n${'y'.repeat(31)}\nz`)], 30)).toEqual(['x'.repeat(30), null, 'z'])
})
