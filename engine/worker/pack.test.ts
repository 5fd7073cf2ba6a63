import { expect, test } from 'vitest'
import { newPackerRoom, newRecordPacker, unpackRecords } from './pack.ts'

test('one batch at a time is written in a room, and what it gave is its own', () => {
  const room = newPackerRoom()
  const first = newRecordPacker(room)
  first.add('z', 1, 'één')
  const given = first.pack()
  const second = newRecordPacker(room)
  second.add('z', 2, 'two')
  expect(unpackRecords(given).map(({ value }) => String(value))).toEqual(['één'])
  expect(() => first.add('z', 3, 'three')).toThrow('another batch')
  expect(() => first.pack()).toThrow('another batch')
  expect(unpackRecords(second.pack()).map(({ value }) => String(value))).toEqual(['two'])
})
