import { move, transferableSymbol, valueSymbol } from 'piscina'
import { newMemory, type WorkerAnswer } from './worker/memory.ts'
import type { WorkerRequest } from './worker/protocol.ts'

/** A worker thread: the memory of its partitions. One request at a time. */
const memory = newMemory()

export default function answer(request: WorkerRequest): WorkerAnswer {
  const answered = memory.answer(request)
  return request.kind === 'fold' ? transferred(answered) : answered
}

/** piscina's way to say that a part of the answer changes hands instead of being copied. */
function transferred(folded: WorkerAnswer): WorkerAnswer {
  if (folded === null || !('records' in folded)) return folded
  const { records, moved } = folded
  const buffers = [records.index.buffer, records.bytes.buffer, moved.index.buffer, moved.bytes.buffer]
  return move({ [transferableSymbol]: buffers, [valueSymbol]: folded }) as unknown as WorkerAnswer
}
