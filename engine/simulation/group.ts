import type { Draw } from '../simulated_log.ts'
import type { Member } from './member.ts'
import type { Scheduler } from './scheduler.ts'

/**
 * The consumer group: who is in it, and whose partitions are whose. A member that is silent for a session is put out, and
 * hears of that only when it speaks again.
 */
export interface Group {
  add(member: Member): void
  remove(member: Member): void
  has(member: Member): boolean
  /** Deals the partitions out again, mostly to those who have them. */
  rebalance(): void
  readonly members: ReadonlySet<Member>
}

export function newGroup(options: { draw: Draw; scheduler: Scheduler; partitions: number }): Group {
  const { draw, scheduler, partitions } = options
  const members = new Set<Member>()
  const owner_of = new Map<number, Member>()
  let planned = false

  function deal(): void {
    planned = false
    const live = [...members]
    if (live.length === 0) return
    const shares = new Map(live.map(member => [member, new Set<number>()]))
    for (let partition = 0; partition < partitions; partition += 1) {
      const before = owner_of.get(partition)
      const stays = before && members.has(before) && draw.chance(0.7)
      const member = stays ? before : draw.pick(live)
      if (!member) continue
      owner_of.set(partition, member)
      shares.get(member)?.add(partition)
    }
    for (const [member, share] of shares) {
      member.process.later(draw.below(30), () => {
        if (members.has(member)) member.join(share)
      })
    }
  }

  /** Joins and leaves of one moment make one new generation. */
  function rebalance(): void {
    if (planned) return
    planned = true
    scheduler.after(10 + draw.below(40), deal)
  }

  return {
    members,
    has: member => members.has(member),
    add(member) {
      members.add(member)
      rebalance()
    },
    remove(member) {
      if (members.delete(member)) rebalance()
    },
    rebalance,
  }
}
