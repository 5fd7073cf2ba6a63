import type { PostNote } from '../../dispatch/contract.ts'
import type { Doors } from './doors.ts'
import type { Town } from './town.ts'

/** What people of a town write into Waggle's shift log. */
export type Said = Omit<PostNote, 'zone_id'>

export interface ShiftLog {
  town: Pick<Town, 'zone_id'>
  doors: { ops: Pick<Doors['ops'], 'note'> }
}

export const writeDown = ({ doors, town }: ShiftLog, note: Said): Promise<void> =>
  doors.ops.note({ zone_id: town.zone_id as PostNote['zone_id'], ...note })
