/**
 * When something will be ready of whose preparation only the mean is known. The law is log-logistic: never below zero, a mode
 * before the mean, and a heavy tail, as times of manual work have. How far it strays from its mean is learnt from what has
 * become ready: at SHAPE 5 half of all take between 0.75 and 1.17 means, one in twenty less than a half, one in a hundred more than 2.3.
 *
 *   P(longer than x) = 1 / (1 + (x / scale)^SHAPE)      mean = scale × (π / SHAPE) / sin(π / SHAPE)
 *
 * What is under way for a while and not ready yet has that behind it: all is given its age.
 */
export interface Spread {
  /** preparations seen, and the sums of ln(time / mean) and of its square */
  count: number
  sum: number
  sum_of_squares: number
}

/** Before anything was seen: as if so many had been, of a wide spread. */
const PRIOR_COUNT = 30
const PRIOR_SHAPE = 4
const SHAPE_MIN = 2

/** ln(time / mean) is logistic: its standard deviation is π / (SHAPE × √3). */
const deviationOf = (shape: number): number => Math.PI / (shape * Math.sqrt(3))
const scaleOfMean = (shape: number): number => Math.sin(Math.PI / shape) / (Math.PI / shape)

export function openSpread(): Spread {
  const middle = Math.log(scaleOfMean(PRIOR_SHAPE))
  const square = deviationOf(PRIOR_SHAPE) ** 2 + middle ** 2
  return { count: PRIOR_COUNT, sum: PRIOR_COUNT * middle, sum_of_squares: PRIOR_COUNT * square }
}

export function learnPreparation(spread: Spread, mean_s: number, took_s: number): void {
  const ratio = Math.log(Math.max(60, took_s) / Math.max(60, mean_s))
  spread.count += 1
  spread.sum += ratio
  spread.sum_of_squares += ratio * ratio
}

function shapeOf({ count, sum, sum_of_squares }: Spread): number {
  const variance = sum_of_squares / count - (sum / count) ** 2
  return Math.max(SHAPE_MIN, Math.PI / Math.sqrt(3 * Math.max(1e-6, variance)))
}

/** s since it was begun */
export interface Outlook {
  /** to plan with */
  likely_s: number
  /** hardly any is ready before */
  from_s: number
  /** hardly any is not ready by then */
  latest_s: number
}

/**
 * A good third is ready earlier than what is planned with: who is kept waiting is planned anew all the while, but nothing
 * mends that a courier comes too late.
 */
const LIKELY = 0.35
const FROM = 0.01
const LATEST = 0.995
/** What takes minutes only may be forgotten, whatever the law says. */
const FORGOTTEN_S = 900

/**
 * @param mean_s of all preparations there
 * @param age_s since it was begun; it is not ready yet
 */
export function outlookOf(spread: Spread, mean_s: number, age_s: number): Outlook {
  const shape = shapeOf(spread)
  const scale_s = Math.max(60, mean_s) * scaleOfMean(shape)
  const passed = (Math.max(0, age_s) / scale_s) ** shape
  /** of those that are as old, so many take less */
  const quantile = (share: number): number => Math.round(scale_s * ((1 + passed) / (1 - share) - 1) ** (1 / shape))
  return { likely_s: quantile(LIKELY), from_s: quantile(FROM), latest_s: quantile(LATEST) + FORGOTTEN_S }
}
