/**
 * Reading fields of records that nobody has checked. Nothing here throws, and everything returned is something that
 * ClickHouse takes: one value out of range would hold up its batch for ever.
 */

export type Fields = Record<string, unknown>

const NONE: Fields = {}
/** Longer ones are cut: ids and words are at most 64 long, so this is no event of ours. `data` has all of it. */
const TEXT_MAX = 300
/** 2100: ClickHouse's DateTime, which hours and minutes are made of, ends in 2106. */
const TIME_MAX_MS = 4_102_444_800_000

export const fieldsOf = (value: unknown): Fields =>
  value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Fields) : NONE

export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

export const text = (value: unknown): string =>
  typeof value !== 'string' ? '' : value.length <= TEXT_MAX ? value : value.slice(0, TEXT_MAX)

const isTime = (value: unknown): value is number => Number.isInteger(value) && between(value as number, 0, TIME_MAX_MS)

export const between = (value: number, low: number, high: number): boolean => value >= low && value <= high

export const time = (value: unknown, otherwise: number): number => (isTime(value) ? value : otherwise)

export const timeOrNull = (value: unknown): number | null => (isTime(value) ? value : null)

/** Whole numbers from 0 to `max`; 0 for anything else. */
export const count = (value: unknown, max: number): number =>
  Number.isInteger(value) && between(value as number, 0, max) ? (value as number) : 0

export const countOf = (list: unknown): number => Math.min(listOf(list).length, 65_535)

export const wholeOrNull = (value: unknown): number | null => (Number.isSafeInteger(value) ? (value as number) : null)

export const realOrNull = (value: unknown): number | null => (Number.isFinite(value) ? (value as number) : null)

/** An offset as the log writes it: digits in a string. */
export function offsetOrNull(value: unknown): number | null {
  if (typeof value !== 'string' || !/^\d{1,16}$/.test(value)) return null
  return wholeOrNull(Number(value))
}
