import type { Fence, ViewAnswer, ViewWrite } from '../io/redis.ts'

/** What WRITE_VIEW of engine/io/redis.ts does, over plain maps. It can be emptied, and come back as it was a while ago. */
export interface SimulatedRedis {
  write(write: ViewWrite): ViewAnswer
  fence(view: ViewWrite['view']): string | null
  read(key: string): { fields: ReadonlyMap<string, string>; meta: string | null } | undefined
  empty(): void
  /** Loses one view, as an eviction would. */
  loseOne(nth: number): void
  snapshot(): void
  /** A Redis that was killed comes back with what it had written to its disk last. */
  restoreSnapshot(): void
}

interface View {
  fence: Fence
  fields: Map<string, string>
  meta: string | null
}

export const viewName = (view: ViewWrite['view']): string =>
  view.kind === 'fleet' ? `fleet ${view.partition}` : `warehouse ${view.warehouse_id}`

export function newRedis(): SimulatedRedis {
  let views = new Map<string, View>()
  let saved = new Map<string, View>()
  return {
    write({ view, expects, fence, meta, fields }) {
      const name = viewName(view)
      const known = views.get(name)
      if (known && isAbove(known.fence, fence)) return 'older'
      if (expects && !(known && known.fence.epoch === expects.epoch && known.fence.offset === expects.offset)) {
        return 'whole'
      }
      const next = expects && known ? known.fields : new Map<string, string>()
      for (let at = 0; at < fields.length; at += 2) next.set(fields[at] ?? '', fields[at + 1] ?? '')
      views.set(name, { fence, fields: next, meta: meta ?? known?.meta ?? null })
      return 'ok'
    },
    fence(view) {
      const known = views.get(viewName(view))
      return known ? `${known.fence.epoch}:${known.fence.offset}` : null
    },
    read: name => views.get(name),
    empty: () => views.clear(),
    loseOne(nth) {
      const name = [...views.keys()][nth % Math.max(1, views.size)]
      if (name !== undefined) views.delete(name)
    },
    snapshot() {
      saved = copy(views)
    },
    restoreSnapshot() {
      views = copy(saved)
    },
  }
}

const isAbove = (a: Fence, b: Fence): boolean => a.epoch > b.epoch || (a.epoch === b.epoch && a.offset > b.offset)

const copy = (views: Map<string, View>): Map<string, View> =>
  new Map([...views].map(([name, view]) => [name, { ...view, fields: new Map(view.fields) }]))
