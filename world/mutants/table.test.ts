import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { PROJECT_DIR } from '../servers/config.ts'
import { MUTANTS } from './table.ts'

describe.each(MUTANTS)('the mutant $name', ({ file, find, put, test: caught_by }) => {
  test('still fits the code, and is a change', () => {
    const text = readFileSync(join(PROJECT_DIR, file), 'utf8')
    expect(text.split(find)).toHaveLength(2)
    expect(put).not.toBe(find)
    expect(existsSync(join(PROJECT_DIR, caught_by))).toBe(true)
  })
})
