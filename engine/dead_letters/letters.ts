import { TOPICS, type Topic } from '../../ingest/contract.ts'
import { DEAD_REASONS, type DeadReason } from '../../ingest/events/dead_letters.ts'
import type { LogMessage } from '../../ingest/io/log_messages.ts'

/** Dead letters as they lie in Kafka, each once, and which of them somebody asks for. Pure. */

export interface Letter {
  /** topic/partition/offset of where it came from, the topic without the namespace */
  id: string
  topic: Topic
  partition: number
  offset: number
  reason: DeadReason
  detail: string
  /** when it was found dead: append time of the letter, wall ms */
  died_at: number
  value: Buffer
  /** null: the bytes are no JSON object */
  event: Record<string, unknown> | null
}

/** null: it is no letter of ours (its headers are missing). */
export function letterOf({ headers, value, appended_at }: LogMessage, namespace: string): Letter | null {
  const topic = topicOf(headers.origin_topic ?? '', namespace)
  const partition = Number(headers.origin_partition)
  const offset = Number(headers.origin_offset)
  const reason = DEAD_REASONS.find(known => known === headers.reason)
  if (!topic || !reason || !Number.isSafeInteger(partition) || !Number.isSafeInteger(offset)) return null
  const bytes = value ?? Buffer.alloc(0)
  return {
    id: `${topic}/${partition}/${offset}`,
    topic,
    partition,
    offset,
    reason,
    detail: headers.detail ?? '',
    died_at: appended_at,
    value: bytes,
    event: objectOf(bytes),
  }
}

export function topicOf(name: string, namespace: string): Topic | undefined {
  const bare = name.startsWith(`${namespace}.`) ? name.slice(namespace.length + 1) : name
  return (Object.keys(TOPICS) as Topic[]).find(topic => topic === bare)
}

/** An ID as somebody may have copied it, with the namespace or without. */
export function letterId(text: string, namespace: string): string | undefined {
  const [, name = '', rest] = /^([a-z0-9_.-]+)(\/\d{1,6}\/\d{1,16})$/.exec(text) ?? []
  const topic = topicOf(name, namespace)
  return topic && rest ? `${topic}${rest}` : undefined
}

export function objectOf(bytes: Uint8Array): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    return value !== null && typeof value === 'object' && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null
  } catch {
    return null
  }
}

/** Producers send again after a cut connection, and an engine that starts anew finds the same letter: the first one counts. */
export function dropRepeats(letters: Iterable<Letter>): Letter[] {
  const byId = new Map<string, Letter>()
  for (const letter of letters) {
    const known = byId.get(letter.id)
    if (!known || letter.died_at < known.died_at) byId.set(letter.id, letter)
  }
  return [...byId.values()].sort(byOrigin)
}

/** The order in which they lay in the log they came from: sent again in it, what belongs together stays in order. */
const byOrigin = (a: Letter, b: Letter): number =>
  (a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : 0) || a.partition - b.partition || a.offset - b.offset

export interface Wanted {
  reason?: DeadReason
  topic?: Topic
  /** wall ms */
  since_ms?: number
}

export const isWanted = (letter: Letter, { reason, topic, since_ms }: Wanted): boolean =>
  (reason === undefined || letter.reason === reason) &&
  (topic === undefined || letter.topic === topic) &&
  (since_ms === undefined || letter.died_at >= since_ms)
