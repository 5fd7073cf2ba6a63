import type { Wall } from './clock.ts'

/** A wall clock turned by hand. Everything that became due is called before `turn` returns. */
export function wallByHand(): Wall & { turn(ms: number): Promise<void> } {
  let now = 1_000_000
  let timers: { at: number; due: () => void }[] = []
  return {
    now: () => now,
    timer(delay_ms, due) {
      const timer = { at: now + delay_ms, due }
      timers.push(timer)
      return () => {
        timers = timers.filter(one => one !== timer)
      }
    },
    async turn(ms) {
      const end = now + ms
      for (;;) {
        const next = timers.filter(timer => timer.at <= end).sort((a, b) => a.at - b.at)[0]
        if (next === undefined) break
        now = Math.max(now, next.at)
        timers = timers.filter(one => one !== next)
        next.due()
        for (let i = 0; i < 20; i++) await Promise.resolve()
      }
      now = end
    },
  }
}
