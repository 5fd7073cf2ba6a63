/**
 * Seeded draws. Every entity and purpose has a stream of its own, found by its names, so one draw more in one place
 * changes nothing in another: `draws(7, 'order', 12)` is the same whatever else was drawn before.
 */
export interface Draws {
  /** [0, 1) */
  uniform(): number
  /** [low, high) */
  between(low: number, high: number): number
  /** a whole number, both ends included */
  whole(low: number, high: number): number
  chance(probability: number): boolean
  exponential(mean: number): number
  /** by twelve uniforms: tails end at six deviations */
  normal(mean: number, deviation: number): number
  pick<T>(list: readonly T[]): T
}

export function draws(seed: number, ...names: readonly (string | number)[]): Draws {
  const uniform = sfc32(hash128(`${seed}/${names.join('/')}`))
  const between = (low: number, high: number): number => low + (high - low) * uniform()
  return {
    uniform,
    between,
    whole: (low, high) => low + Math.floor(uniform() * (high - low + 1)),
    chance: probability => uniform() < probability,
    exponential: mean => -mean * Math.log(1 - uniform()),
    normal(mean, deviation) {
      let sum = -6
      for (let i = 0; i < 12; i++) sum += uniform()
      return mean + deviation * sum
    },
    pick<T>(list: readonly T[]): T {
      if (list.length === 0) throw new Error('nothing to pick from')
      return list[Math.floor(uniform() * list.length)] as T
    },
  }
}

/** Draws an index with a probability in proportion to its weight. */
export function weightedIndex(weights: readonly number[]): (uniform: number) => number {
  const sums: number[] = []
  let sum = 0
  for (const weight of weights) {
    sum += weight
    sums.push(sum)
  }
  return uniform => {
    const wanted = uniform * sum
    let low = 0
    let high = sums.length - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if ((sums[middle] ?? 0) > wanted) high = middle
      else low = middle + 1
    }
    return low
  }
}

type Words = [number, number, number, number]

/** Four rounds of murmur3's 32-bit mixing with different beginnings. */
function hash128(text: string): Words {
  const words: Words = [0x9e3779b9, 0x243f6a88, 0xb7e15162, 0xdeadbeef]
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    for (let w = 0; w < 4; w++) words[w] = Math.imul((words[w] as number) ^ code, 0x01000193 + 2 * w)
  }
  return words.map(mix) as Words
}

function mix(word: number): number {
  let h = word ^ (word >>> 16)
  h = Math.imul(h, 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}

/** Chris Doty-Humphrey's small fast counting generator (PractRand), 32-bit words. */
function sfc32(state: Words): () => number {
  let [a, b, c, counter] = state
  const next = (): number => {
    const t = (a + b + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + t
    return (t >>> 0) / 4_294_967_296
  }
  for (let i = 0; i < 12; i++) next()
  return next
}
