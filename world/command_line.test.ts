import { expect, test } from 'vitest'
import { numberOf, someOf, wholeOf } from './command_line.ts'

test.each(['', ' ', 'x', '1.5', '0', '11', 'Infinity'])('"%s" is no whole number from 1 to 10', text => {
  expect(() => wholeOf('rounds', text, 1, 10)).toThrow(`--rounds is a whole number from 1 to 10, not "${text}"`)
})

test('numbers within their limits are read, the limits too', () => {
  expect([wholeOf('rounds', '1', 1, 10), wholeOf('rounds', '10', 1, 10), numberOf('speed', '1.5', 1, 10)]).toEqual([
    1, 10, 1.5,
  ])
  expect(() => numberOf('speed', '10.1', 1, 10)).toThrow('--speed')
})

test('names of a closed list come in its order, and no others', () => {
  expect(someOf('part', 'c, a', ['a', 'b', 'c'])).toEqual(['a', 'c'])
  expect(() => someOf('part', 'a,d', ['a', 'b', 'c'])).toThrow('there is no part d: choose of a, b, c')
  expect(() => someOf('part', ',', ['a', 'b', 'c'])).toThrow('no part is named')
})
