import type { FeedItem, History } from '../../contract.ts'
import type { Answer } from '../io/api.ts'
import { cityNow, type Page, type Store } from '../store.ts'
import { type Past, pastOf, roomAt } from './past.ts'

/**
 * Goes back to the last half hour and plays it on the same map:
 *
 *   live ──enter──► loading ──► past ──live, or its end──► live
 *                      └──────► failed ──enter (again)──► loading
 *
 * `store` is what the page shows: the live page, or the past in its place. The live one goes on meanwhile.
 */
export interface PlayerState {
  phase: 'live' | 'loading' | 'past' | 'failed'
  /** why there is no past to show; null: there is, or nobody asked */
  problem: string | null
  /** what can be shown, and what is; business ms */
  from: number
  to: number
  time: number
  playing: boolean
  /** what was announced in that time */
  marks: readonly FeedItem[]
}

export interface Player {
  store: Store
  state: () => PlayerState
  subscribe: (listener: () => void) => () => void
  enter: () => void
  seek: (time: number) => void
  play: (playing: boolean) => void
  live: () => void
}

export const SPAN_MS = 30 * 60_000
/** How far back one begins to look: into the middle of things. */
const BEGIN_MS = 10 * 60_000
const TICK_MS = 250
/** The past of a city in real time is looked through faster than it went. */
const RATE_MIN = 10

const LIVE: PlayerState = { phase: 'live', problem: null, from: 0, to: 0, time: 0, playing: false, marks: [] }

export type FetchHistory = (from: number, to: number) => Promise<Answer<History>>

export function openPlayer(live: Store, fetchHistory: FetchHistory): Player {
  const listeners = new Set<() => void>()
  let state = LIVE
  let past: Past | null = null
  let shown: Page | null = null
  let asked = 0
  let jumps = 0
  /** when `state.time` was set, from which playing goes on */
  let since = { wall_ms: 0, time: 0 }
  let timer: ReturnType<typeof setInterval> | undefined

  const tell = () => {
    for (const listener of listeners) listener()
  }
  const rate = () => Math.max(RATE_MIN, live.get().room.clock.rate)
  const show = (change: Partial<PlayerState>) => {
    state = { ...state, ...change }
    shown = null
    if (past && state.phase === 'past') {
      const at = { time: state.time, rate: state.playing ? rate() : 0, wall_ms: Date.now() }
      const room = roomAt({ ...past, epoch: `${past.epoch}-${jumps}` }, live.get().room, at)
      shown = { ...live.get(), room, skew_ms: 0, past: true }
    }
    tell()
  }
  const tick = () => {
    if (!state.playing) return
    const time = since.time + (Date.now() - since.wall_ms) * rate()
    if (time >= state.to) leave()
    else show({ time })
  }
  const leave = () => {
    asked += 1
    clearInterval(timer)
    past = null
    show(LIVE)
  }
  const from = (time: number) => {
    since = { wall_ms: Date.now(), time }
    return time
  }
  const enter = () => {
    asked += 1
    const mine = asked
    const to = Math.floor(cityNow(live.get()))
    show({ ...LIVE, phase: 'loading' })
    void fetchHistory(to - SPAN_MS, to).then(answer => {
      if (mine !== asked) return
      if (!answer.ok) return show({ ...LIVE, phase: 'failed', problem: answer.detail })
      past = pastOf(answer.body, `past-${mine}`)
      if (past.couriers.length === 0 && answer.body.orders.length === 0)
        return show({ ...LIVE, phase: 'failed', problem: 'Nothing was recorded in the last half hour.' })
      timer = setInterval(tick, TICK_MS)
      const time = from(Math.max(to - SPAN_MS, to - BEGIN_MS))
      const marks = answer.body.notes.filter(note => note.scene === true && note.at >= to - SPAN_MS && note.at <= to)
      show({ phase: 'past', from: to - SPAN_MS, to, time, playing: true, marks })
    })
  }

  return {
    store: {
      get: () => shown ?? live.get(),
      set: live.set,
      subscribe(listener) {
        listeners.add(listener)
        const stop = live.subscribe(() => shown === null && listener())
        return () => {
          listeners.delete(listener)
          stop()
        }
      },
    },
    state: () => state,
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    enter,
    seek(time) {
      jumps += 1
      show({ time: from(Math.min(state.to, Math.max(state.from, time))) })
    },
    play: playing => show({ playing, time: from(state.time) }),
    live: leave,
  }
}
