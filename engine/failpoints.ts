import { failpoint } from './loader/failpoint.ts'
import type { EngineTopic, OwnerEffects } from './owner/effects.ts'

/** The moments at which an owner that dies, or stalls, has most to lose. */
export const FAILPOINTS = [
  /** the epoch is raised, the marker is not published */
  'before_marker',
  'after_marker',
  /** folded, and nothing of it published */
  'after_fold',
  /** decisions lie in Kafka, and nobody here knows it yet */
  'after_publish',
  /** decisions are acknowledged, the dead letters of the same batch are not sent */
  'before_dead_letters',
  /** decisions are acknowledged, their movements are not sent */
  'before_movements',
  /** movements lie in Kafka, and nobody here knows it yet */
  'after_movements',
  'before_checkpoint',
  'after_checkpoint',
  /** acknowledged, and Redis does not know it */
  'before_views',
  'after_views',
] as const
export type EngineFailpoint = (typeof FAILPOINTS)[number]

/** For tests: `after_fold:3` kills this process at that moment, the third time it comes. Without a text: changes nothing. */
export function withFailpoint(effects: OwnerEffects, text: string | undefined): OwnerEffects {
  return text ? withPoints(effects, failpoint<EngineFailpoint>(text)) : effects
}

/** Tells `reached` of every such moment. */
export function withPoints(effects: OwnerEffects, reached: (point: EngineFailpoint) => void): OwnerEffects {
  const publishing = new Set<Promise<unknown>>()
  const around = async <Answer>(before: EngineFailpoint, after: EngineFailpoint, work: () => Promise<Answer>) => {
    reached(before)
    const answer = await work()
    reached(after)
    return answer
  }
  async function sendDecisions(message: Parameters<OwnerEffects['send']>[1]): Promise<{ offset: number }> {
    if (message.key === 'owner')
      return around('before_marker', 'after_marker', () => effects.send('decisions', message))
    const sent = effects.send('decisions', message)
    publishing.add(sent)
    const answer = await sent.finally(() => publishing.delete(sent))
    reached('after_publish')
    return answer
  }
  return {
    ...effects,
    async send(topic: EngineTopic, message) {
      if (topic === 'decisions') return sendDecisions(message)
      if (topic === 'movements' && message.key !== 'owner')
        return around('before_movements', 'after_movements', () => effects.send(topic, message))
      if (topic === 'dead-letters') {
        await Promise.allSettled(publishing)
        reached('before_dead_letters')
      }
      return effects.send(topic, message)
    },
    async ask(request) {
      const answer = await effects.ask(request)
      if (request.kind === 'fold') reached('after_fold')
      return answer
    },
    writeCut: cut => around('before_checkpoint', 'after_checkpoint', () => effects.writeCut(cut)),
    writeViews: writes => around('before_views', 'after_views', () => effects.writeViews(writes)),
  }
}
