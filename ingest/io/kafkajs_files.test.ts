import { createRequire } from 'node:module'
import { expect, test } from 'vitest'
import { replaceExport } from './kafkajs_files.ts'

const FILE = 'kafkajs/src/utils/sleep.js'
type Sleep = (ms: number) => Promise<void>

test('what a file of kafkajs exports is replaced once, however often that is asked for', () => {
  const waited: number[] = []
  for (let asked = 0; asked < 2; asked += 1) {
    replaceExport<Sleep>(FILE, original => async ms => {
      waited.push(ms)
      return original(0)
    })
  }
  const sleep = createRequire(import.meta.url)(FILE) as Sleep
  void sleep(60_000)
  expect(waited).toEqual([60_000])
})
