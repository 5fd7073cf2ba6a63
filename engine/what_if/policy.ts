import { type Static, Type } from 'typebox'
import { Policy } from '../../ingest/events/network.ts'
import { shapeOf } from '../../ingest/io/shape.ts'
import { Misuse } from '../command.ts'

/** A part of a policy, to be written over the whole of a zone. Pure. */

const Part = Type.Partial(Policy)
const part = shapeOf(Part)

/** @throws Misuse that names the field that is wrong, or the fields there are */
export function readPolicy(text: string, file: string): Partial<Policy> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new Misuse(`${file} is not JSON: ${error instanceof Error ? error.message : error}`)
  }
  const names = Object.keys(Policy.properties)
  if (!part.fits(value)) throw new Misuse(`${file}: ${part.fault(value).detail}. A policy has ${names.join(', ')}`)
  if (Object.keys(value).length === 0)
    throw new Misuse(`${file} changes nothing: give at least one of ${names.join(', ')}`)
  return value as Static<typeof Part> as Partial<Policy>
}

/** field: before → after */
export function changesOf(before: Policy, patch: Partial<Policy>): string[] {
  return Object.entries(patch).map(([name, value]) => {
    const former = before[name as keyof Policy]
    return `${name} ${former === undefined ? 'unset' : JSON.stringify(former)} → ${JSON.stringify(value)}`
  })
}
