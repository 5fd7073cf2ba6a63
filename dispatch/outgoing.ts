import type { EventDraft } from '../ingest/contract.ts'
import type { OutboxRow } from '../ingest/io/outbox.ts'
import type { Queryable } from '../ingest/io/postgres.ts'
import { HttpProblem } from '../ingest/io/problem.ts'
import type { Publisher } from '../ingest/io/publish.ts'
import type { Desk } from './desk.ts'
import type { PlaceEffects } from './orders/place.ts'
import type { Act } from './trip.ts'

/** Dispatch's events on their way into the log: at once, or through the outbox. */

type Enqueue = (client: Queryable, rows: readonly OutboxRow[]) => Promise<unknown>

export function openOutgoing(
  publisher: Publisher,
  enqueue: Enqueue,
): Pick<Desk, 'enqueue'> & Pick<PlaceEffects, 'complete' | 'publish'> {
  const accepted = (draft: EventDraft, act: Act) => publisher.acceptOwn(sourced(draft), askedBy(act))
  return {
    async enqueue(client, act, drafts) {
      const rows = drafts.map(draft => accepted({ occurred_at: act.now, ...draft }, act))
      await enqueue(client, rows)
    },
    complete(draft, act) {
      const { event } = accepted(draft, act)
      return { zone_id: event.zone_id, data: event.data }
    },
    async publish(draft, act) {
      const answer = await publisher.send(accepted(draft, act))
      if (answer.status === 'accepted') return { partition: answer.partition, offset: Number(answer.offset) }
      throw new HttpProblem(500, answer.reason, answer.detail)
    },
  }
}

const sourced = (draft: EventDraft): EventDraft => ({ source: 'dispatch', ...draft })

const askedBy = ({ tenant_id, actor, correlation_id }: Act) => ({
  caller: { tenant_id, actor, scopes: [] },
  correlation_id,
})
