import type { Reader } from '../ingest/io/reader.ts'
import type { Beat } from './round/beat.ts'

/** What /readyz asks: the servers, and what this process makes of them. */

type Checks = Record<string, () => Promise<void>>

export interface Watched {
  book: Reader
  answers: Reader
  ticker: Beat
}

/** `watch` adds what is opened later: until then those are not ready. */
export function readiness(servers: Checks): { checks: Checks; watch(watched: Watched): void } {
  let watched: Watched | undefined
  const of = (check: (watched: Watched) => string | null) => async () => {
    const problem = watched ? check(watched) : 'not opened yet'
    if (problem) throw new Error(problem)
  }
  return {
    checks: {
      ...servers,
      book: of(({ book }) => readerTrouble(book)),
      answers: of(({ answers }) => readerTrouble(answers)),
      assignment: of(({ ticker }) => ticker.trouble()),
    },
    watch(opened) {
      watched = opened
    },
  }
}

function readerTrouble(reader: Reader): string | null {
  const [trouble] = reader.troubles()
  if (trouble) return trouble
  return reader.ready() ? null : 'not positioned yet'
}
