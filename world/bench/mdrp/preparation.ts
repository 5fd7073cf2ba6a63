/**
 * When something will be ready of whose preparation only the mean is known. The law is log-logistic on either side of its median, with a
 * shape for each: what is early may be nearly at once, what is late has a heavy tail, as times of manual work have. All three are
 * learnt from what has become ready, and from what ought to be.
 *
 *   P(longer than x) = 1 / (1 + (x / median)^shape)      shape: `early` below the median, `late` above it
 *
 * What is under way for a while and not ready yet has that behind it: all is given its age.
 */
export interface Spread {
  /** ln(median / mean) */
  median: number
  early: Side
  late: Side
  /** by how much what is under way is beyond the median, in all: the sum of ln(age / median) */
  overdue: number
}

/** Of the preparations on one side of the median: how many, and how far from it in all: the sum of |ln(time / median)|. */
interface Side {
  count: number
  strayed: number
}

/** Before anything was seen: as if so many had been on either side, widely spread. */
const PRIOR_COUNT = 20
const PRIOR_SHAPE = { early: 3, late: 4.5 }
/** On its side, a logistic law strays by so much in the mean when its shape is 1. */
const STRAYS = 2 * Math.LN2

export const openSpread = (): Spread => ({
  median: -0.05,
  early: { count: PRIOR_COUNT, strayed: (PRIOR_COUNT * STRAYS) / PRIOR_SHAPE.early },
  late: { count: PRIOR_COUNT, strayed: (PRIOR_COUNT * STRAYS) / PRIOR_SHAPE.late },
  overdue: 0,
})

/** ln(time / median), where a minute is the least that is told apart */
const strayOf = (spread: Spread, mean_s: number, took_s: number): number =>
  Math.log(Math.max(60, took_s) / Math.max(60, mean_s)) - spread.median

export function learnPreparation(spread: Spread, mean_s: number, took_s: number): void {
  const stray = strayOf(spread, mean_s, took_s)
  const side = stray < 0 ? spread.early : spread.late
  side.count += 1
  side.strayed += Math.abs(stray)
  // As many on either side: a step towards the side that this one is on, smaller the more are known.
  spread.median += Math.sign(stray) / (2 * (spread.early.count + spread.late.count))
}

/** What ought to be ready tells of the late ones before they are known. @param under_way all that is: mean and age of each, s */
export function learnOverdue(spread: Spread, under_way: readonly { mean_s: number; age_s: number }[]): void {
  spread.overdue = under_way.reduce((sum, { mean_s, age_s }) => sum + Math.max(0, strayOf(spread, mean_s, age_s)), 0)
}

const shapeOf = (count: number, strayed: number): number => (STRAYS * count) / Math.max(1e-6, strayed)

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
/** One in 2,000 takes longer: with one in 1,000, over 24 days one courier stood bound to an order beyond its shift. */
const LATEST = 0.9995

/**
 * @param mean_s of all preparations there
 * @param age_s since it was begun; it is not ready yet
 */
export function outlookOf(spread: Spread, mean_s: number, age_s: number): Outlook {
  const median_s = Math.max(60, mean_s) * Math.exp(spread.median)
  const early = shapeOf(spread.early.count, spread.early.strayed)
  const late = shapeOf(spread.late.count, spread.late.strayed + spread.overdue)
  const odds = (Math.max(0, age_s) / median_s) ** (age_s < median_s ? early : late)
  /** of those that are as old, so many take less */
  const quantile = (share: number): number => {
    const behind = (1 + odds) / (1 - share) - 1
    return Math.round(median_s * behind ** (1 / (behind < 1 ? early : late)))
  }
  return { likely_s: quantile(LIKELY), from_s: quantile(FROM), latest_s: quantile(LATEST) }
}
