import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { PROJECT_DIR } from '../servers/config.ts'
import type { Mutant } from './table.ts'

/** A copy of the project in which bugs may be put: the checkout itself is never touched. */

/** What a person keeps in the folder beside the project's own files. */
const LEFT_OUT = new Set(['node_modules', '.git', '.waggle', 'dist'])

export interface Verdict {
  passed: boolean
  /** full names of the tests that failed; the file's own trouble when none ran */
  failed: string[]
  seconds: number
}

export function copyProject(dir: string): string {
  const copy = join(dir, 'project')
  cpSync(PROJECT_DIR, copy, { recursive: true, filter: path => !LEFT_OUT.has(basename(path)) })
  symlinkSync(join(PROJECT_DIR, 'node_modules'), join(copy, 'node_modules'))
  return copy
}

/** @throws Error when the code has changed so that the mutant no longer fits */
export async function runMutant(copy: string, mutant: Mutant): Promise<Verdict> {
  const path = join(copy, mutant.file)
  const text = readFileSync(path, 'utf8')
  const found = text.split(mutant.find).length - 1
  if (found !== 1 || mutant.find === '')
    throw new Error(`the mutant ${mutant.name} no longer fits: what it changes stands ${found} times in ${mutant.file}`)
  writeFileSync(
    path,
    text.replace(mutant.find, () => mutant.put),
  )
  try {
    return await run(copy, mutant)
  } finally {
    writeFileSync(path, text)
  }
}

interface Report {
  testResults: { message: string; assertionResults: { status: string; fullName: string }[] }[]
}

export async function run(
  copy: string,
  { project, test }: Pick<Mutant, 'test'> & { project: string },
): Promise<Verdict> {
  const report = join(copy, '..', 'report.json')
  rmSync(report, { force: true })
  const began = performance.now()
  // One failure tells enough.
  const args = ['run', '--project', project, '--bail', '1', '--reporter', 'json', '--outputFile', report, test]
  const child = spawn(process.execPath, [join(copy, 'node_modules/vitest/vitest.mjs'), ...args], {
    cwd: copy,
    // Nobody starts this copy again.
    env: { ...process.env, NODE_DISABLE_COMPILE_CACHE: '1' },
    stdio: ['ignore', 'ignore', 'ignore'],
  })
  const [code] = await once(child, 'exit')
  const seconds = Math.round((performance.now() - began) / 100) / 10
  return { passed: code === 0, failed: code === 0 ? [] : failuresIn(report), seconds }
}

function failuresIn(report: string): string[] {
  const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as Report
  return testResults.flatMap(({ message, assertionResults }) => {
    const failed = assertionResults.filter(({ status }) => status === 'failed').map(({ fullName }) => fullName.trim())
    return failed.length > 0 ? failed : message ? [message.split('\n')[0] ?? ''] : []
  })
}
