import { describe, expect, test } from 'vitest'
import { partitionOf } from '../../ingest/contract.ts'
import type { LogMessage } from '../../ingest/io/log_messages.ts'
import { dropRepeats, isWanted, type Letter, letterId, letterOf } from './letters.ts'
import { readOptions } from './options.ts'
import { planRedrive } from './redrive.ts'
import { bytesText, clean, hexDump, letterJson, letterText, listText, tell } from './show.ts'

const NOW = Date.UTC(2026, 0, 2, 18)

function message(headers: Record<string, string>, value: string | Buffer | null, appended_at = NOW): LogMessage {
  return { offset: 0, appended_at, key: null, value: value === null ? null : Buffer.from(value), headers }
}

const headers = (offset: number, reason = 'unknown_warehouse', topic = 'ns.operations') => ({
  origin_topic: topic,
  origin_partition: '3',
  origin_offset: String(offset),
  reason,
  detail: 'w9',
})

function letter(value: string | Buffer, offset = 7, reason = 'unknown_warehouse'): Letter {
  const found = letterOf(message(headers(offset, reason), value), 'ns')
  if (!found) throw new Error('this is a letter')
  return found
}

/** A UUIDv7 that was born at `at`. */
const idOf = (at: number, rest = '000000000001') =>
  `${at.toString(16).padStart(12, '0').slice(0, 8)}-${at.toString(16).padStart(12, '0').slice(8)}-7000-8000-${rest}`

describe('letters', () => {
  test('are read from headers and bytes, whatever these are', () => {
    expect(letter('{"type":"tick"}')).toMatchObject({
      id: 'operations/3/7',
      topic: 'operations',
      event: { type: 'tick' },
    })
    for (const bytes of ['[]', 'null', '', '{"half":', Buffer.from([0xff, 0xfe])])
      expect(letter(bytes).event).toBeNull()
    expect(letterOf(message(headers(7), null), 'ns')?.value.length).toBe(0)
    expect(letterOf(message({}, '{}'), 'ns')).toBeNull()
    expect(letterOf(message(headers(7, 'made_up'), '{}'), 'ns')).toBeNull()
  })

  test('count once, the first of them, in the order of their log', () => {
    const late = letterOf(message(headers(7), 'x', NOW + 5), 'ns') as Letter
    const found = dropRepeats([letter('b', 20), late, letter('a', 7)])
    expect(found.map(({ offset, died_at }) => [offset, died_at])).toEqual([
      [7, NOW],
      [20, NOW],
    ])
  })

  test('can be asked for by reason, topic and time', () => {
    expect(isWanted(letter(''), {})).toBe(true)
    expect(isWanted(letter(''), { reason: 'not_json' })).toBe(false)
    expect(isWanted(letter(''), { topic: 'couriers' })).toBe(false)
    expect(isWanted(letter(''), { since_ms: NOW })).toBe(true)
    expect(isWanted(letter(''), { since_ms: NOW + 1 })).toBe(false)
  })

  test('have ids with the namespace or without', () => {
    expect(letterId('operations/3/7', 'ns')).toBe('operations/3/7')
    expect(letterId('ns.operations/3/7', 'ns')).toBe('operations/3/7')
    expect(letterId('other.operations/3/7', 'ns')).toBeUndefined()
    expect(letterId('operations/3', 'ns')).toBeUndefined()
    expect(letterId('operations/3/7; drop', 'ns')).toBeUndefined()
  })
})

describe('a redrive', () => {
  const around = { partitions: 8, now: NOW, newId: () => idOf(NOW, 'ffffffffffff') }

  test('sends the very bytes to the partition of their key', () => {
    const bytes = `{ "zone_id": "chicago",  "event_id": "${idOf(NOW - 60_000)}" }`
    const plan = planRedrive(letter(bytes), null, around)
    expect(plan.value.toString()).toBe(bytes)
    expect(plan).toMatchObject({
      topic: 'operations',
      partition: partitionOf('chicago', 8),
      key: 'chicago',
      edited: false,
    })
    expect(plan.former_event_id).toBeNull()
  })

  test('of a courier goes by the courier', () => {
    const value = JSON.stringify({ zone_id: 'chicago', data: { courier_id: 'c17' } })
    const dead = letterOf(message(headers(7, 'wrong_partition', 'ns.couriers'), value), 'ns') as Letter
    expect(planRedrive(dead, null, around)).toMatchObject({
      topic: 'couriers',
      partition: partitionOf('c17', 8),
      key: 'c17',
    })
  })

  test('of bytes without a key goes where they came from', () => {
    for (const bytes of ['{"half":', '[]', '{"zone_id":4}', '{"zone_id":""}'])
      expect(planRedrive(letter(bytes), null, around)).toMatchObject({ partition: 3, event_id: null })
  })

  test('gives an id that is too old to be told apart a new one, and keeps the old one as the cause', () => {
    const old = idOf(NOW - 3_600_000)
    const plan = planRedrive(letter(JSON.stringify({ zone_id: 'z', event_id: old, data: { a: 1 } })), null, around)
    expect(plan).toMatchObject({ event_id: idOf(NOW, 'ffffffffffff'), former_event_id: old, edited: false })
    expect(JSON.parse(plan.value.toString())).toEqual({
      zone_id: 'z',
      event_id: idOf(NOW, 'ffffffffffff'),
      causation_id: old,
      data: { a: 1 },
    })
  })

  test('takes corrected bytes, and their key', () => {
    const plan = planRedrive(letter('{"half":'), Buffer.from('{"zone_id":"chicago"}'), around)
    expect(plan).toMatchObject({ edited: true, partition: partitionOf('chicago', 8), key: 'chicago' })
    expect(plan.value.toString()).toBe('{"zone_id":"chicago"}')
  })
})

describe('what a person sees', () => {
  test('is laid out JSON, or a hex dump of anything else', () => {
    expect(bytesText(Buffer.from('{"a":[1]}'))).toBe('{\n  "a": [\n    1\n  ]\n}')
    expect(hexDump(Buffer.from('{"half":\u0000\xff'))).toBe(
      '00000000  7b 22 68 61 6c 66 22 3a  00 c3 bf                 {"half":...',
    )
    expect(hexDump(Buffer.alloc(0))).toBe('(no bytes at all)')
    expect(bytesText(Buffer.alloc(20_000, 1))).toMatch(/and 3616 bytes more/)
  })

  test('never steers the terminal', () => {
    expect(clean('a\u001b[2Jb\nc', 80)).toBe('a·[2Jb·c')
    expect(clean('x'.repeat(100), 10)).toHaveLength(10)
    const nasty = letter('"\u001b[2J\u202e"')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what is looked for
    expect(letterText(tell([nasty], [])[0] as never)).not.toMatch(/\u001b|\u202e/)
  })

  test('says of a redrive where it went, and when it died again of which letter it is', () => {
    const first = letter('{}', 7)
    const second = letter('{}', 99, 'conflict')
    const redrive = {
      letter_id: first.id,
      reason: first.reason,
      edited: false,
      event_id: null,
      former_event_id: null,
      target_topic: 'operations',
      target_partition: 3,
      target_key: 'z',
      target_from: 50,
      target_offset: 99,
      actor: 'person:ann',
      note: 'the warehouse is there now',
      asked_at: new Date(NOW),
      published_at: new Date(NOW),
    }
    const told = tell([first, second], [redrive])
    expect(told[0]?.died_again).toEqual({ id: 'operations/3/99', reason: 'conflict' })
    expect(told[1]?.redrive_of).toBe('operations/3/7')
    expect(listText(told)).toContain('died again: conflict')
    expect(listText(told)).toContain('(of operations/3/7)')
    expect(letterText(told[0] as never)).toContain('to operations/3/99 by person:ann at 2026-01-02T18:00:00.000Z')
    expect(letterJson(told[0] as never)).toMatchObject({ id: first.id, value: '{}', redrive: { actor: 'person:ann' } })
    expect(letterJson(tell([letter(Buffer.from([0xff]))], [])[0] as never)).toMatchObject({ value_base64: '/w==' })
  })
})

describe('the arguments', () => {
  const read = (...args: string[]) => readOptions(args, NOW)

  test('are understood', () => {
    expect(read('--help')).toBeNull()
    expect(read('list', '--reason', 'conflict', '--topic', 'operations', '--since', '90m')).toMatchObject({
      command: 'list',
      limit: 100,
      wanted: { reason: 'conflict', topic: 'operations', since_ms: NOW - 5_400_000 },
    })
    expect(read('redrive', '--all', '--as', 'ann')).toMatchObject({ all: true, actor: 'person:ann', ids: [] })
  })

  test.each([
    [[], /say list/],
    [['lits'], /"lits" is not known/],
    [['show'], /one ID/],
    [['redrive'], /IDs, or --all/],
    [['redrive', '--all', 'operations/1/2'], /not both/],
    [['redrive', '--all', '--edit', 'x'], /--edit/],
    [['list', '--reason', 'bad'], /--reason "bad" is none of/],
    [['list', '--topic', 'bad'], /--topic "bad"/],
    [['list', '--since', 'yesterday'], /--since "yesterday"/],
    [['list', '--limit', '0'], /--limit "0"/],
    [['list', '--made-up'], /made-up/],
  ])('are refused with what is wrong: %j', (args, fault) => {
    expect(() => read(...args)).toThrow(fault)
  })
})
