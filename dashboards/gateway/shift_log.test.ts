import { describe, expect, test } from 'vitest'
import type { NoteView } from '../../dispatch/contract.ts'
import { type Picture, startPicture } from './picture.ts'
import { shiftLogReader } from './shift_log.ts'

const START = Date.UTC(2026, 4, 9, 0, 24)
const MINUTE = 60_000
const as = <T>(value: unknown): T => value as T

const note = (note_id: string, minute: number): NoteView =>
  as({ note_id, text: note_id, tone: 'plain', posted_at: START + minute * MINUTE, actor: 'partner:city' })

/** The shift log as Postgres answers, and a reader of it that begins at START. */
function stand(...log: NoteView[]) {
  const picture: Picture = startPicture({
    ...{ tenant_id: 't', now: START, known_since: 0, orders: [], trips: [] },
    ...{ decisions_positions: {}, decisions_epochs: {}, decisions_source_offsets: {} },
  })
  const at = { now: START, away: false, asked_from: 0 }
  const read = shiftLogReader(picture, {
    now: () => at.now,
    notes: async ({ from_ms, to_ms }) => {
      at.asked_from = (from_ms - START) / MINUTE
      if (at.away) throw new Error('connect ECONNREFUSED')
      return log
        .filter(({ posted_at }) => posted_at >= from_ms && posted_at < to_ms)
        .toSorted((one, other) => other.posted_at - one.posted_at)
    },
  })
  /** what was told by this reading, in its order */
  const told = async (minute: number): Promise<string[]> => {
    at.now = START + minute * MINUTE
    await read()
    return picture.feed.fresh.splice(0).map(item => item.id)
  }
  /** tells again what is in the feed already, if it is given it */
  const forget = () => picture.feed.items.splice(0)
  return { log, at, told, forget }
}

describe('the shift log', () => {
  test('begins with the last ten minutes, oldest first', async () => {
    const { told } = stand(note('a', -11), note('b', -9), note('c', -1), note('ahead', 1))
    expect(await told(0)).toEqual(['b', 'c', 'ahead'])
  })

  test('is told note by note, each once, late ones too', async () => {
    const { log, told, forget } = stand(note('a', -1))
    expect(await told(0)).toEqual(['a'])
    forget()
    log.push(note('b', 1))
    expect(await told(1)).toEqual(['b'])
    forget()
    log.push(note('committed late', -5))
    expect(await told(2)).toEqual(['committed late'])
    forget()
    const set_back = [9, 12, 15, 0, 15]
    for (const minute of set_back) expect(await told(minute), `at ${minute}`).toEqual([])
  })

  test('misses nothing of an outage, however long', async () => {
    const { log, at, told, forget } = stand(note('a', -1))
    expect(await told(0)).toEqual(['a'])
    forget()
    log.push(note('b', 5))
    at.away = true
    for (const minute of [10, 30]) await expect(told(minute)).rejects.toThrow('ECONNREFUSED')
    at.away = false
    expect(await told(60)).toEqual(['b'])
    forget()
    expect(await told(61)).toEqual([])
    expect(at.asked_from, 'what was read long ago is not read again').toBe(50)
  })
})
