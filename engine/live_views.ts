import type { Fence, ViewAnswer, ViewWrite } from './io/redis.ts'
import type { EngineMetrics } from './metrics.ts'
import type { ViewChange } from './worker/protocol.ts'

/**
 * Keeps the live views of one partition in Redis equal to the fold, behind it and never holding it up.
 *
 *   change ──► pending (absolute values, so newer simply replaces older; bounded by the number of SKUs)
 *                 │  one write in flight
 *                 ▼
 *   Redis says   ok: the fence moves  ·  whole, or it failed: the view is written from memory  ·  older: we are not the owner
 *
 * `probe` looks at the fences even when nothing changes: a Redis that was emptied is full again within seconds. While Redis is away only
 * probes go there: with whole views made for nothing four times a second, one order in a hundred waited some 20 ms longer.
 */
export interface LiveViews {
  /** To be called after the decisions of `fence.offset` are acknowledged. */
  change(changes: readonly ViewChange[], fence: Fence): void
  /** These views are to be written whole. */
  want(views: Iterable<ViewChange['view']>): void
  /** Some of the views that must be written whole; the caller asks the fold for them and calls `replace`. null: none, or Redis is away. */
  wanting(): { warehouse_ids: string[]; fleet: boolean } | null
  /** Resolves with false when Redis did not take all of it: then it is wanted again. */
  replace(changes: readonly ViewChange[], fences: { operations: Fence; couriers: Fence }): Promise<boolean>
  /** Compares the fences in Redis with what was written. */
  probe(): Promise<void>
  /** Resolves when no write is in flight. */
  idle(): Promise<void>
  /** null while everything is written */
  trouble(): string | null
}

interface Pending {
  change: ViewChange
  fields: Map<string, string>
  fence: Fence
}

/** What it asks of the world; the shapes are those of io/redis.ts. */
export interface LiveViewEffects {
  /** Answers in the order given; an Error where it is not known whether the view was written. Rejects when nothing was sent. */
  writeViews(writes: readonly ViewWrite[]): Promise<(ViewAnswer | Error)[]>
  /** The fences as they stand in Redis, null where there is none. Rejects when Redis can't be reached. */
  readFences(views: readonly ViewWrite['view'][]): Promise<(string | null | Error)[]>
  metrics: Pick<EngineMetrics, 'viewWritten'>
}

export function openLiveViews(effects: LiveViewEffects): LiveViews {
  const pending = new Map<string, Pending>()
  const written = new Map<string, { fence: Fence; view: ViewChange['view'] }>()
  const whole = new Map<string, ViewChange['view']>()
  let writing: Promise<unknown> | null = null
  /** something changed while a write or a probe was under way that does not look at `pending` any more */
  let missed = false
  let trouble: string | null = null
  /** Redis took nothing of the last write, or did not answer the last probe: until one is answered, nobody is asked for whole views */
  let away = false
  let replacing = false
  let probing: Promise<void> | null = null
  const told = effects.metrics.viewWritten

  async function write(writes: ViewWrite[]): Promise<boolean> {
    try {
      const answers = await effects.writeViews(writes)
      writes.forEach(({ view, fence }, place) => {
        const key = keyOf(view)
        const answer = answers[place] ?? 'whole'
        told(answer instanceof Error ? 'failed' : answer, 1)
        if (answer === 'ok') written.set(key, { fence, view })
        // Whether a failed write arrived is not known: the view is written anew.
        if (answer === 'whole' || answer instanceof Error) whole.set(key, view)
      })
      const failed = answers.find(answer => answer instanceof Error)
      away = answers.every(answer => answer instanceof Error)
      const newer = answers.includes('older') ? 'Redis holds views of a newer owner, or of another installation' : null
      trouble = failed?.message ?? newer
      return !failed
    } catch (error) {
      // Nothing was sent: there is no connection.
      for (const { view } of writes) whole.set(keyOf(view), view)
      away = true
      told('failed', writes.length)
      trouble = error instanceof Error ? error.message : String(error)
      return false
    }
  }

  /** What waits for a whole view stays: the snapshot that is on its way may be older. */
  function takeWritable(): ViewWrite[] {
    const writes: ViewWrite[] = []
    for (const [key, { change, fields, fence }] of pending) {
      const expects = written.get(key)?.fence
      if (!expects) whole.set(key, change.view)
      if (whole.has(key) || !expects) continue
      pending.delete(key)
      // A whole view that was made after this change and written before it has it already.
      if (!isAbove(fence, expects)) continue
      writes.push({ view: change.view, expects, fence, meta: change.meta, fields: flat(fields) })
    }
    return writes
  }

  async function drain(): Promise<void> {
    for (let writes = takeWritable(); writes.length > 0; writes = takeWritable()) await write(writes)
  }

  function startDraining(): void {
    missed = writing !== null
    if (!missed) void alone(drain)
  }

  /** One at a time: writes, replacements and probes never overtake each other. */
  function alone<Result>(work: () => Promise<Result>): Promise<Result> {
    const run = (writing ?? Promise.resolve()).then(work).finally(() => {
      if (writing !== run) return
      writing = null
      if (missed) startDraining()
    })
    writing = run
    return run
  }

  return {
    change(changes, fence) {
      for (const change of changes) merge(pending, change, fence)
      if (pending.size > 0) startDraining()
    },
    want(views) {
      for (const view of views) whole.set(keyOf(view), view)
    },
    wanting() {
      if (whole.size === 0 || replacing || away) return null
      const views = [...whole.values().take(VIEWS_AT_ONCE)]
      return {
        warehouse_ids: views.flatMap(view => (view.kind === 'warehouse' ? [view.warehouse_id] : [])),
        fleet: views.some(view => view.kind === 'fleet'),
      }
    },
    replace(changes, fences) {
      replacing = true
      return alone(async () => {
        const writes = changes.map(({ view, meta, fields }): ViewWrite => {
          const fence = view.kind === 'fleet' ? fences.couriers : fences.operations
          return { view, expects: null, fence, meta, fields }
        })
        for (const { view } of changes) whole.delete(keyOf(view))
        const done = writes.length === 0 || (await write(writes))
        replacing = false
        await drain()
        return done
      })
    },
    probe() {
      if (probing) return probing
      probing = alone(async () => {
        const known = [...written.values()]
        const fences = await effects.readFences(known.map(({ view }) => view)).catch(() => null)
        away = fences === null || (known.length > 0 && fences.every(fence => fence instanceof Error))
        known.forEach(({ view, fence }, place) => {
          const found = fences?.[place]
          if (found === undefined || found instanceof Error) return
          if (found !== `${fence.epoch}:${fence.offset}`) whole.set(keyOf(view), view)
        })
        probing = null
      })
      return probing
    },
    idle: async () => {
      while (writing) await writing
    },
    trouble: () => trouble ?? (whole.size > 0 ? `${whole.size} views wait to be written whole` : null),
  }
}

const isAbove = (one: Fence, other: Fence): boolean =>
  one.epoch > other.epoch || (one.epoch === other.epoch && one.offset > other.offset)

/** How many the fold is asked for in one go; it stops sooner when they are large. */
const VIEWS_AT_ONCE = 32

const keyOf = (view: ViewChange['view']): string => (view.kind === 'fleet' ? 'fleet' : `w:${view.warehouse_id}`)

function flat(fields: ReadonlyMap<string, string>): string[] {
  const list: string[] = []
  for (const [name, value] of fields) list.push(name, value)
  return list
}

function merge(pending: Map<string, Pending>, change: ViewChange, fence: Fence): void {
  const key = keyOf(change.view)
  let entry = pending.get(key)
  if (!entry) {
    entry = { change, fields: new Map(), fence }
    pending.set(key, entry)
  }
  entry.change = change
  entry.fence = fence
  for (let at = 0; at < change.fields.length; at += 2) {
    entry.fields.set(change.fields[at] ?? '', change.fields[at + 1] ?? '')
  }
}
