import { move, transferableSymbol, valueSymbol } from 'piscina'
import { newMemory, type WorkerAnswer } from './worker/memory.ts'
import type { WorkerRequest } from './worker/protocol.ts'

/** A worker thread: the memory of its partitions. One request at a time. */
const memory = newMemory()

export default function answer(request: WorkerRequest): WorkerAnswer | ReturnType<typeof move> {
  const answered = memory.answer(request)
  const buffers = buffersOf(answered)
  if (answered === null || buffers.length === 0) return answered
  // piscina's way to say that a part of the answer changes hands instead of being copied.
  return move({ [transferableSymbol]: buffers, [valueSymbol]: answered })
}

function buffersOf(answered: WorkerAnswer): ArrayBufferLike[] {
  if (answered === null || Array.isArray(answered)) return []
  if ('frames' in answered) return [answered.frames.buffer]
  if (!('records' in answered)) return []
  const { records, moved } = answered
  return [records.index.buffer, records.bytes.buffer, moved.index.buffer, moved.bytes.buffer]
}
