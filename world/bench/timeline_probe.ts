/**
 * Loaded before the process under test, in each of its threads: `node --import '…/timeline_probe.ts?dir=DIR'`. What they tell of their
 * timeline (ingest/io/timeline.ts) goes into a file of each in that folder, a line an entry.
 */
import { subscribe } from 'node:diagnostics_channel'
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { threadId } from 'node:worker_threads'
import { TIMELINE } from '../../ingest/io/timeline.ts'

/** A thread that is ended from outside leaves at most as many unwritten. */
const LINES_AT_ONCE = 200

const dir = new URL(import.meta.url).searchParams.get('dir') ?? '.'
const file = join(dir, `${process.pid}-${threadId}.ndjson`)
let lines: string[] = []

function write(): void {
  if (lines.length > 0) appendFileSync(file, `${lines.join('\n')}\n`)
  lines = []
}

subscribe(TIMELINE, happened => {
  lines.push(JSON.stringify(happened))
  if (lines.length >= LINES_AT_ONCE) write()
})
process.once('exit', write)
