/**
 * Simulated time. Everything that would wait for a server, a thread or a timer waits for an entry here, and entries run
 * one after the other in the order of their time, those of the same millisecond in the order in which they were made:
 * the same seed gives the same run, to the step.
 */
export interface Scheduler {
  /** ms since the run began; only entries that come due move it */
  now(): number
  /** Runs `work` after `ms`; when it settles promises, all that follows from that is done before the next entry. */
  after(ms: number, work: () => void): void
  /** Entries run so far: the step that a violation names. */
  steps(): number
  /** Runs until nothing waits, or `enough` says so. @throws what an entry throws */
  run(enough: () => boolean): Promise<void>
}

interface Entry {
  at: number
  sequence: number
  work: () => void
}

export function newScheduler(): Scheduler {
  const heap: Entry[] = []
  let now = 0
  let sequence = 0
  let steps = 0
  let turns = 0
  return {
    now: () => now,
    steps: () => steps,
    after(ms, work) {
      sequence += 1
      push(heap, { at: now + Math.max(0, Math.round(ms)), sequence, work })
    },
    async run(enough) {
      // What was begun before the first entry.
      await nextTurn()
      while (!enough()) {
        const entry = pop(heap)
        if (!entry) return
        now = entry.at
        steps += 1
        entry.work()
        // Entries of one millisecond are settled together: what follows from them comes at that millisecond all the same.
        while (heap[0]?.at === now) {
          steps += 1
          pop(heap)?.work()
        }
        turns += 1
        await (turns % TURNS_A_LOOP === 0 ? nextTurn() : settled())
      }
    },
  }
}

/** Now and then the process must hear its parent, who may have gone. */
const TURNS_A_LOOP = 1_000

/** All that hangs on promises alone is done when the event loop comes round. */
const nextTurn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

/**
 * The same without a turn of the event loop, which costs more than most entries do: whoever asks from within a promise's
 * callback comes after all of these, since Node looks at its next ticks once they have run out, and not before.
 */
const settled = (): Promise<void> => new Promise(resolve => process.nextTick(resolve))

const before = (a: Entry, b: Entry): boolean => a.at < b.at || (a.at === b.at && a.sequence < b.sequence)

function push(heap: Entry[], entry: Entry): void {
  let place = heap.length
  heap.push(entry)
  while (place > 0) {
    const parent = (place - 1) >> 1
    const above = heap[parent]
    if (!above || before(above, entry)) break
    heap[place] = above
    place = parent
  }
  heap[place] = entry
}

function pop(heap: Entry[]): Entry | undefined {
  const first = heap[0]
  const last = heap.pop()
  if (!first || !last || heap.length === 0) return first
  let place = 0
  while (true) {
    let child = 2 * place + 1
    const [left, right] = [heap[child], heap[child + 1]]
    if (!left) break
    if (right && before(right, left)) child += 1
    const least = heap[child]
    if (!least || !before(least, last)) break
    heap[place] = least
    place = child
  }
  heap[place] = last
  return first
}
