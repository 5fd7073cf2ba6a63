import { move, transferableSymbol, valueSymbol } from 'piscina'
import { isWatched, tell, timeNow } from '../ingest/io/timeline.ts'
import type { GatheredAnswer } from './worker/gather.ts'
import { newMemory, type WorkerAnswer } from './worker/memory.ts'
import type { WorkerRequest } from './worker/protocol.ts'

/** A worker thread: the memory of its partitions. One request at a time, in the order asked. */
const memory = newMemory()

export default function answerAll(requests: readonly WorkerRequest[]): ReturnType<typeof move> {
  const answers = requests.map(answerOne)
  const buffers = answers.flatMap(told => ('answer' in told ? buffersOf(told.answer) : []))
  // piscina's way to say that a part of the answer changes hands instead of being copied.
  return move({ [transferableSymbol]: buffers, [valueSymbol]: answers })
}

function answerOne(request: WorkerRequest): GatheredAnswer {
  const from = timeNow()
  try {
    return { answer: memory.answer(request) }
  } catch (error) {
    return { error: error instanceof Error ? error : new Error(String(error)) }
  } finally {
    if (isWatched()) tell({ what: 'worked', kind: kindOf(request), partition: request.partition, from, to: timeNow() })
  }
}

const kindOf = (request: WorkerRequest): string => (request.kind === 'fold' ? `fold ${request.topic}` : request.kind)

function buffersOf(answered: WorkerAnswer): ArrayBufferLike[] {
  if (answered === null || Array.isArray(answered)) return []
  if ('frames' in answered) return [answered.frames.buffer]
  if (!('records' in answered)) return []
  const { records, moved } = answered
  return [records.index.buffer, records.bytes.buffer, moved.index.buffer, moved.bytes.buffer]
}
