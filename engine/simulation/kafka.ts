import type { LogMessage } from '../../ingest/io/log_messages.ts'
import type { Appended, OutgoingMessage } from '../../ingest/io/producer.ts'
import type { Draw } from '../simulated_log.ts'
import type { Process } from './process.ts'

/**
 * A Kafka that behaves as badly as one may: a send that failed may have landed, may land later than what was sent after it,
 * and its append times step back a little now and then. What it acknowledged it keeps.
 */
export interface SimulatedKafka {
  /** Appends at once and tells whoever listens; for the world outside of the engine. */
  append(topic: string, message: OutgoingMessage): Appended
  end(topic: string, partition: number): number
  /** Up to `count` messages from `offset` on. */
  read(topic: string, partition: number, offset: number, count: number): LogMessage[]
  /** A producer of one process, with the contract of ingest/io/kafka.ts. */
  producer(process: Process): { send(topic: string, message: OutgoingMessage): Promise<Appended> }
}

export interface KafkaOptions {
  draw: Draw
  /** the broker's clock, wall ms */
  clock: () => number
  /** May change the bytes that land: an owner of older code. */
  landing: (topic: string, message: OutgoingMessage, process: Process) => OutgoingMessage
  appended: (topic: string, partition: number, message: LogMessage) => void
  /** records of one send, at the most: small, so that a batch of decisions is often published in parts */
  sendRecordsMax: () => number
}

interface Waiting {
  message: OutgoingMessage
  resolve: (appended: Appended) => void
  reject: (error: unknown) => void
}

export function newKafka({ draw, clock, landing, appended, sendRecordsMax }: KafkaOptions): SimulatedKafka {
  const logs = new Map<string, LogMessage[]>()

  function logOf(topic: string, partition: number): LogMessage[] {
    const name = `${topic}/${partition}`
    let log = logs.get(name)
    if (!log) {
      log = []
      logs.set(name, log)
    }
    return log
  }

  function append(topic: string, { partition, key, value, headers }: OutgoingMessage): Appended {
    const log = logOf(topic, partition)
    const offset = log.length
    const appended_at = clock() - (draw.chance(0.02) ? draw.below(500) : 0)
    const message = { offset, appended_at, key: Buffer.from(key), value, headers: headers ?? {} }
    log.push(message)
    appended(topic, partition, message)
    return { topic, partition, offset, appended_at }
  }

  function producer(process: Process) {
    const lanes = new Map<string, { waiting: Waiting[]; sending: boolean }>()
    /** One send in flight a partition; what waits behind a failed send fails with it. */
    async function drain(topic: string, lane: { waiting: Waiting[]; sending: boolean }): Promise<void> {
      while (lane.waiting.length > 0) {
        const part = lane.waiting.splice(0, 1 + draw.below(sendRecordsMax()))
        // Once it is on its way, what the sender does with its memory is no concern of ours: as with the real producer.
        const sent = part.map(({ message }) => ({ ...message, value: Buffer.from(message.value) }))
        const land = () => sent.map(message => append(topic, landing(topic, message, process)))
        try {
          const acknowledged = await process.call(`send_${topic}`, land)
          part.forEach(({ resolve }, place) => {
            const answer = acknowledged[place]
            if (answer) resolve(answer)
          })
        } catch (error) {
          for (const { reject } of [...part, ...lane.waiting.splice(0)]) reject(error)
        }
      }
      lane.sending = false
    }
    return {
      send(topic: string, message: OutgoingMessage) {
        const name = `${topic}/${message.partition}`
        const lane = lanes.get(name) ?? { waiting: [], sending: false }
        lanes.set(name, lane)
        return new Promise<Appended>((resolve, reject) => {
          lane.waiting.push({ message, resolve, reject })
          if (lane.sending) return
          lane.sending = true
          // The callers of this moment join the first send.
          process.later(0, () => void drain(topic, lane))
        })
      },
    }
  }

  return {
    append,
    end: (topic, partition) => logOf(topic, partition).length,
    read: (topic, partition, offset, count) => logOf(topic, partition).slice(offset, offset + count),
    producer,
  }
}
