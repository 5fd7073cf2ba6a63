import { CLOSED_KEPT_MS, type Ended, FORGOTTEN_A_STEP, type ZoneState } from '../state.ts'

/** What is over is kept for a while, so that a repeat is known for one. Neither noting nor forgetting walks what is kept. */

const MINUTE_MS = 60_000

export function forgetLater<Id>(ended: Ended<Id>, id: Id, at: number): void {
  const minute = Math.floor(at / MINUTE_MS)
  const last = ended.at(-1)
  if (last?.minute === minute) last.who.push(id)
  else ended.push({ minute, who: [id] })
}

export function forgetEnded(zone: ZoneState): void {
  const { ended } = zone
  forget(ended.orders, zone.orders, zone.time)
  forget(ended.holds, zone.holds, zone.time)
  forget(ended.transfers, zone.transfers, zone.time)
}

/** At most 2,880 lists wait, so taking the first one off costs nothing to speak of. */
function forget<Id>(ended: Ended<Id>, kept: { delete(id: Id): boolean }, now: number): void {
  const before = Math.floor((now - CLOSED_KEPT_MS) / MINUTE_MS)
  for (let count = 0; count < FORGOTTEN_A_STEP; count += 1) {
    const [oldest] = ended
    if (!oldest || oldest.minute >= before) return
    const id = oldest.who.pop()
    if (id !== undefined) kept.delete(id)
    if (oldest.who.length === 0) ended.shift()
  }
}
