/** `expect` costs 30 µs a call, and there are a hundred million of these. */
export function must(holds: unknown, otherwise: () => string): void {
  if (!holds) throw new Error(otherwise())
}
