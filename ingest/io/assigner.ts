import { AssignerProtocol, type PartitionAssigner } from 'kafkajs'

/** Partition n of every topic goes to one member of the group, and stays there as far as the shares stay even. */

/** Each member says what it holds; the leader leaves that where it is as far as the shares stay even (± 1). */
export function togetherAssigner(held: () => number[]): PartitionAssigner {
  return ({ cluster }) => ({
    name: 'waggle-together',
    version: 1,
    async assign({ members, topics }) {
      const counts = topics.map(topic => cluster.findTopicPartitionMetadata(topic).length)
      const wishes = members.map(({ memberId, memberMetadata }) => ({
        member: memberId,
        held: heldOf(AssignerProtocol.MemberMetadata.decode(memberMetadata)?.userData),
      }))
      const shares = shareOut(Math.max(...counts), wishes)
      return [...shares].map(([memberId, partitions]) => ({
        memberId,
        memberAssignment: AssignerProtocol.MemberAssignment.encode({
          version: 1,
          assignment: Object.fromEntries(
            topics.map((topic, index) => [topic, partitions.filter(partition => partition < (counts[index] ?? 0))]),
          ),
          userData: Buffer.alloc(0),
        }),
      }))
    },
    protocol: ({ topics }) => ({
      name: 'waggle-together',
      metadata: AssignerProtocol.MemberMetadata.encode({
        version: 1,
        topics,
        userData: Buffer.from(JSON.stringify(held())),
      }),
    }),
  })
}

function heldOf(userData: Buffer | undefined): number[] {
  if (!userData || userData.length === 0) return []
  const held: unknown = JSON.parse(userData.toString())
  return Array.isArray(held) ? held.filter(partition => Number.isInteger(partition)) : []
}

/** Pure: who gets which partitions. Same wishes, same shares, whatever the order of the members. */
export function shareOut(partitions: number, wishes: { member: string; held: number[] }[]): Map<string, number[]> {
  const sorted = wishes.toSorted((a, b) => (a.member < b.member ? -1 : 1))
  const shares = new Map<string, number[]>(sorted.map(({ member }) => [member, []]))
  const free = new Set(Array.from({ length: partitions }, (_, partition) => partition))
  const most = Math.ceil(partitions / Math.max(1, sorted.length))
  for (const { member, held } of sorted) {
    const share = shares.get(member) ?? []
    for (const partition of held.toSorted((a, b) => a - b)) {
      if (share.length < most && free.delete(partition)) share.push(partition)
    }
  }
  for (const partition of free) {
    const poorest = [...shares.values()].reduce((least, share) => (share.length < least.length ? share : least))
    poorest.push(partition)
  }
  for (const share of shares.values()) share.sort((a, b) => a - b)
  return shares
}
