import { readFileSync } from 'node:fs'
import {
  isRecordedType,
  RECORDED,
  type RecordedEvent,
  RecordedLine,
  RecordingEnd,
  RecordingHead,
} from '../../engine/record/format.ts'
import { type Shape, shapeOf } from '../../ingest/io/shape.ts'

/** A recording read whole, or not at all. */
export interface Recording {
  head: RecordingHead
  events: readonly RecordedEvent[]
}

const HEAD = shapeOf(RecordingHead)
const LINE = shapeOf(RecordedLine)
const END = shapeOf(RecordingEnd)

/** @throws Error that names the line that can't be used, and what is wrong with it */
export function readRecording(path: string): Recording {
  const lines = linesOf(readFileSync(path, 'utf8'))
  const refuse = (line: number, why: string): never => {
    throw new Error(`${path}: line ${line}: ${why}`)
  }
  const [first, ...rest] = lines.map(({ text, line }) => ({ line, value: parsed(text, why => refuse(line, why)) }))
  const last = rest.pop()
  if (first === undefined) throw new Error(`${path} holds nothing`)
  const head = fitting(first.value, HEAD, why => refuse(first.line, `no beginning of a recording: ${why}`))
  if (head.from >= head.to) refuse(first.line, '"from" is not before "to"')
  if (last === undefined || !END.fits(last.value)) {
    throw new Error(`${path} has no end: it was cut off behind line ${last?.line ?? first.line}`)
  }
  if (last.value.end !== rest.length) refuse(last.line, `${rest.length} events stand above, not ${last.value.end}`)
  let before = head.from
  const events = rest.map(({ line, value }) => {
    const event = eventOf(value, why => refuse(line, why))
    const { occurred_at } = event
    if (occurred_at < before) refuse(line, `it happened at ${occurred_at}, before what stands above (${before})`)
    if (occurred_at > head.to) refuse(line, `it happened at ${occurred_at}, behind the end (${head.to})`)
    before = occurred_at
    return event
  })
  return { head, events }
}

type Refuse = (why: string) => never

/** Without empty lines, and without those that npm writes above the output of a script. */
function linesOf(text: string): { text: string; line: number }[] {
  const lines = text.split('\n').map((one, at) => ({ text: one.trim(), line: at + 1 }))
  return lines.filter(one => one.text !== '' && !one.text.startsWith('> '))
}

function parsed(text: string, refuse: Refuse): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return refuse('it is not JSON')
  }
}

function eventOf(value: unknown, refuse: Refuse): RecordedEvent {
  const { type, data } = fitting(value, LINE, refuse)
  if (isRecordedType(type)) fitting(data, shapes[type], why => refuse(`data of ${type}: ${why}`))
  return value as RecordedEvent
}

function fitting<Value>(value: unknown, shape: Shape<Value>, refuse: Refuse): Value {
  return shape.fits(value) ? value : refuse(shape.fault(value).detail)
}

const shapes = Object.fromEntries(Object.entries(RECORDED).map(([type, schema]) => [type, shapeOf(schema)])) as Record<
  keyof typeof RECORDED,
  Shape<unknown>
>
