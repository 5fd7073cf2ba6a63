/**
 * CRC-32C (Castagnoli; RFC 3720, appendix B.4), which guards every record batch of Kafka. zlib.crc32 is another polynomial, and kafkajs'
 * own goes byte by byte. Sixteen bytes a turn through sixteen tables ("slicing-by-16", Kounavis and Berry 2008).
 */
const POLYNOMIAL = 0x82f63b78
const SLICES = 16

/** Table k stands at 256 × k: what a byte does to the sum k bytes later. */
const TABLES = makeTables()

function makeTables(): Int32Array {
  const tables = new Int32Array(256 * SLICES)
  for (let byte = 0; byte < 256; byte += 1) {
    let sum = byte
    for (let bit = 0; bit < 8; bit += 1) sum = sum & 1 ? (sum >>> 1) ^ POLYNOMIAL : sum >>> 1
    tables[byte] = sum
  }
  for (let at = 256; at < tables.length; at += 1) {
    const before = tables[at - 256] ?? 0
    tables[at] = (before >>> 8) ^ (tables[before & 0xff] ?? 0)
  }
  return tables
}

/** The checksum as an unsigned 32-bit number, of `bytes` from `start` on. */
export function crc32c(bytes: Uint8Array, start = 0, end = bytes.length): number {
  const t = TABLES as { readonly [at: number]: number }
  const b = bytes as { readonly [at: number]: number }
  let sum = -1
  let at = start
  // 860 MB a CPU-second; eight bytes a turn 680, kafkajs' one byte a turn 450.
  for (; at + SLICES <= end; at += SLICES) {
    sum ^=
      (b[at] as number) | ((b[at + 1] as number) << 8) | ((b[at + 2] as number) << 16) | ((b[at + 3] as number) << 24)
    sum =
      (t[3840 + (sum & 0xff)] as number) ^
      (t[3584 + ((sum >>> 8) & 0xff)] as number) ^
      (t[3328 + ((sum >>> 16) & 0xff)] as number) ^
      (t[3072 + (sum >>> 24)] as number) ^
      (t[2816 + (b[at + 4] as number)] as number) ^
      (t[2560 + (b[at + 5] as number)] as number) ^
      (t[2304 + (b[at + 6] as number)] as number) ^
      (t[2048 + (b[at + 7] as number)] as number) ^
      (t[1792 + (b[at + 8] as number)] as number) ^
      (t[1536 + (b[at + 9] as number)] as number) ^
      (t[1280 + (b[at + 10] as number)] as number) ^
      (t[1024 + (b[at + 11] as number)] as number) ^
      (t[768 + (b[at + 12] as number)] as number) ^
      (t[512 + (b[at + 13] as number)] as number) ^
      (t[256 + (b[at + 14] as number)] as number) ^
      (t[b[at + 15] as number] as number)
  }
  for (; at < end; at += 1) sum = (t[(sum ^ (b[at] as number)) & 0xff] as number) ^ (sum >>> 8)
  return ~sum >>> 0
}
