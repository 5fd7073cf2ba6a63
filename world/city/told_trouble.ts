import type { CityClock } from './clock.ts'
import type { CourierSeen } from './couriers.ts'
import { type Said, type ShiftLog, writeDown } from './shift_log.ts'
import type { Town } from './town.ts'
import { nearest, type Trouble } from './trouble.ts'

export interface ToldTroubleOptions extends ShiftLog {
  town: Pick<Town, 'places' | 'zone_id'>
  clock: Pick<CityClock, 'until'>
  spawn: (work: Promise<void>) => void
  seen(): CourierSeen[]
}

/** Trouble that somebody who looks on makes, written into the shift log as the evening's scenes are: so that all can follow what comes of it. */
export function toldTrouble(trouble: Trouble, { clock, spawn, seen, ...log }: ToldTroubleOptions): Trouble {
  const later = async (at: number, note: Said): Promise<void> => {
    await clock.until(at)
    await writeDown(log, note)
  }
  return {
    ...trouble,
    async breakDown(courier_id) {
      const about = { courier_id: courier_id as NonNullable<Said['courier_id']> }
      const courier = seen().find(one => one.courier_id === courier_id)
      // Before it happens, as whoever stands beside it would: what follows comes after it.
      if (courier && !courier.broken) {
        const text = `Courier ${courier_id} breaks down: somebody at a screen wanted it so`
        await writeDown(log, { text, tone: 'bad', ...about, point: courier.point })
      }
      const broken = await trouble.breakDown(courier_id)
      if ('impossible' in broken) return broken
      spawn(later(broken.back_at, { text: `Courier ${courier_id} is back on the road`, tone: 'good', ...about }))
      return broken
    },
    surge(point) {
      const surge = trouble.surge(point)
      if ('impossible' in surge) return surge
      const near = nearest(log.town.places, point)[0]?.name ?? 'there'
      const text = `A crowd near ${near}: ${surge.orders} people order at once, somebody at a screen wanted it so`
      spawn(writeDown(log, { text, tone: 'warn', point }))
      spawn(later(surge.calm_at, { text: `The crowd near ${near} has gone home`, tone: 'good', point }))
      return surge
    },
  }
}
