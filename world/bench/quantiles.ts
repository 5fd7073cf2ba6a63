/** ms, to a tenth */
export interface Quantiles {
  p50_ms: number
  p99_ms: number
  max_ms: number
}

/** NaN of nothing. */
export function quantiles(numbers: readonly number[]): Quantiles {
  const sorted = numbers.toSorted((a, b) => a - b)
  const at = (share: number) => {
    const number = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
    return Number(number.toFixed(1))
  }
  return { p50_ms: at(0.5), p99_ms: at(0.99), max_ms: at(1) }
}
