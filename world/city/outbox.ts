import type { EventDraft } from '../../ingest/contract.ts'
import type { Doors } from './doors.ts'

/**
 * Events of one speaker, in order: one request on its way, and what is said meanwhile waits together for the next.
 * A device that is offline keeps what it has to say; it is bounded by how much one warehouse can do.
 */
export interface Outbox {
  /** Resolves when Waggle has answered, so that whoever says something can rest on it. */
  send(draft: EventDraft): Promise<void>
  /** Resolves at a moment when nothing waits and nothing is on its way. */
  idle(): Promise<void>
}

export function openOutbox(doors: Pick<Doors, 'sendEvents'>, onFailure: (error: unknown) => void): Outbox {
  let waiting: { draft: EventDraft; sent: () => void }[] = []
  let sending: Promise<void> | undefined

  const flush = async (): Promise<void> => {
    while (waiting.length > 0) {
      const batch = waiting
      waiting = []
      await doors.sendEvents(batch.map(one => one.draft))
      for (const one of batch) one.sent()
    }
  }
  return {
    async idle() {
      while (sending) await sending
    },
    send: draft =>
      new Promise(resolve => {
        waiting.push({ draft, sent: resolve })
        sending ??= flush()
          .catch(onFailure)
          .finally(() => {
            sending = undefined
          })
      }),
  }
}
