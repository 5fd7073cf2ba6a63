/** A query thread: one query at a time, each on a connection of its own. Opening one costs 0.3 ms, and what SET and USE did ends with it. */
import { once } from 'node:events'
import { parentPort } from 'node:worker_threads'
import { Session } from 'chdb'
import { ENGINE_ARGUMENTS } from './engine-arguments.ts'
import type { FromThread, RunMessage, RunSummary, ToThread } from './protocol.ts'

const port = parentPort
if (port === null) throw new Error('thread.ts is started by threads.ts')
let kept: Session | undefined

port.on('message', (message: ToThread) => {
  if (message.kind === 'forget') forget()
  if (message.kind === 'run') void answer(message)
})

async function answer(message: RunMessage): Promise<void> {
  try {
    send({ kind: 'end', summary: await run(message) })
  } catch (error) {
    send({ kind: 'failed', message: error instanceof Error ? error.message : String(error) })
  }
}

async function run(message: RunMessage): Promise<RunSummary> {
  const session = kept ?? new Session(message.path, { connectionArgs: ENGINE_ARGUMENTS })
  try {
    await session.queryAsync(message.preamble)
    return await (message.mode === 'stream' ? stream(session, message) : whole(session, message))
  } finally {
    if (message.keep === undefined) session.close()
    else {
      kept = session
      await session.queryAsync(message.keep.afterwards).catch(() => undefined)
    }
  }
}

async function whole(session: Session, message: RunMessage): Promise<RunSummary> {
  const result = await session.queryAsync(message.sql, { format: message.format })
  const bytes = result.bytes()
  if (bytes.length > 0) send({ kind: 'part', bytes })
  return { rows: result.rowsRead, bytes: result.bytesRead, elapsed_s: result.elapsed }
}

async function stream(session: Session, message: RunMessage): Promise<RunSummary> {
  const started = performance.now()
  const summary: RunSummary = { rows: 0, bytes: 0, elapsed_s: 0 }
  for await (const part of session.queryStream(message.sql, { format: message.format })) {
    summary.rows += part.numRows
    summary.bytes += part.numBytes
    const asked = nextOrder()
    send({ kind: 'part', bytes: part.raw() })
    if ((await asked).kind === 'stop') break
  }
  summary.elapsed_s = (performance.now() - started) / 1000
  return summary
}

async function nextOrder(): Promise<ToThread> {
  const [order] = await once(port as NonNullable<typeof port>, 'message')
  return order as ToThread
}

function send(message: FromThread): void {
  // A part of a pooled buffer cannot be moved to another thread, only copied.
  const movable = message.kind === 'part' && message.bytes.byteLength === message.bytes.buffer.byteLength
  port?.postMessage(message, movable ? [message.bytes.buffer as ArrayBuffer] : [])
}

function forget(): void {
  kept?.close()
  kept = undefined
}
