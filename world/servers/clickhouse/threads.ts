/** Query threads, seen from the main thread. Threads are started when first needed and never ended: the engine does not survive it. */
import { Worker } from 'node:worker_threads'
import type { FromThread, RunMessage, RunSummary, ToThread } from './protocol.ts'

/** Yields the result's bytes in order, returns the summary, throws the engine's message. Leaving it early stops the query. */
export type Parts = AsyncGenerator<Uint8Array, RunSummary, undefined>

export interface QueryThread {
  run(message: RunMessage): Parts
  /** Closes the connection a session kept. */
  forget(): void
}

export interface ThreadPool {
  take(): QueryThread
  giveBack(thread: QueryThread): void
}

export function makeThreadPool(): ThreadPool {
  const idle: QueryThread[] = []
  return {
    take: () => idle.pop() ?? startThread(),
    giveBack: thread => void idle.push(thread),
  }
}

function startThread(): QueryThread {
  const worker = new Worker(new URL('thread.ts', import.meta.url))
  const inbox = makeInbox(worker)
  const tell = (message: ToThread) => worker.postMessage(message)
  async function* run(message: RunMessage): Parts {
    tell(message)
    let ended = false
    try {
      for (;;) {
        const answer = await inbox.next()
        ended = answer.kind !== 'part'
        if (answer.kind === 'failed') throw new Error(answer.message)
        if (answer.kind === 'end') return answer.summary
        yield answer.bytes
        if (message.mode === 'stream') tell({ kind: 'more' })
      }
    } finally {
      if (!ended) await stopEarly(message, tell, inbox)
    }
  }
  return { run, forget: () => tell({ kind: 'forget' }) }
}

async function stopEarly(message: RunMessage, tell: (message: ToThread) => void, inbox: Inbox): Promise<void> {
  if (message.mode === 'stream') tell({ kind: 'stop' })
  while ((await inbox.next()).kind === 'part');
}

interface Inbox {
  next(): Promise<FromThread>
}

/** At most one part and the end are ever unread. */
function makeInbox(worker: Worker): Inbox {
  const unread: FromThread[] = []
  let reader: ((message: FromThread) => void) | undefined
  const receive = (message: FromThread) => {
    if (reader === undefined) unread.push(message)
    else {
      const give = reader
      reader = undefined
      give(message)
    }
  }
  worker.on('message', receive)
  worker.on('error', error => receive({ kind: 'failed', message: `A query thread ended: ${String(error)}` }))
  return {
    next() {
      const message = unread.shift()
      return message === undefined ? new Promise(resolve => (reader = resolve)) : Promise.resolve(message)
    },
  }
}
