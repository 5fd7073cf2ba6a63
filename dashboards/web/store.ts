import { useCallback, useEffect, useState, useSyncExternalStore } from 'react'
import { cityTime } from './clock.ts'
import { EMPTY_ROOM, type Room } from './room.ts'

/** The connection as a person understands it. `stale` is not here: it is told from `heard_wall_ms` and the time. */
export interface Link {
  phase: 'connecting' | 'live' | 'reconnecting' | 'refused'
  since_wall_ms: number
  /** what stands in the way, in a sentence; null when all is well */
  problem: string | null
}

export interface Page {
  room: Room
  link: Link
  /** when the last message came, wall ms of this machine; 0: never */
  heard_wall_ms: number
  /** this machine's clock minus the gateway's, ms */
  skew_ms: number
  /** the room is one of the past: nothing can be done in it */
  past: boolean
}

export interface Store {
  get: () => Page
  set: (change: Partial<Page>) => void
  subscribe: (listener: () => void) => () => void
}

export function newStore(wall_ms: number): Store {
  let page: Page = {
    room: EMPTY_ROOM,
    link: { phase: 'connecting', since_wall_ms: wall_ms, problem: null },
    heard_wall_ms: 0,
    skew_ms: 0,
    past: false,
  }
  const listeners = new Set<() => void>()
  return {
    get: () => page,
    set(change) {
      page = { ...page, ...change }
      for (const listener of listeners) listener()
    },
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

/** The business clock now, ms. */
export const cityNow = ({ room, skew_ms }: Page): number => cityTime(room.clock, Date.now() - skew_ms)

/** Silence for longer than this is told: the gateway speaks at least every second or two. */
export const STALE_MS = 6_000

export const isStale = (page: Page, wall_ms: number): boolean =>
  page.link.phase === 'live' && page.room.phase !== 'empty' && wall_ms - page.heard_wall_ms > STALE_MS

/** A part of the page; `select` must return the same reference while nothing changed. */
export function usePage<Part>(store: Store, select: (page: Page) => Part): Part {
  return useSyncExternalStore(
    store.subscribe,
    useCallback(() => select(store.get()), [store, select]),
  )
}

/** The wall time, ms, renewed at multiples of `every_ms`, so that all parts change in one frame; it rests with the tab. */
export function useWall(every_ms: number): number {
  const [wall, setWall] = useState(Date.now)
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>
    const tick = () => {
      if (!document.hidden) setWall(Date.now())
      timer = setTimeout(tick, every_ms - (Date.now() % every_ms))
    }
    timer = setTimeout(tick, every_ms - (Date.now() % every_ms))
    return () => clearTimeout(timer)
  }, [every_ms])
  return wall
}
