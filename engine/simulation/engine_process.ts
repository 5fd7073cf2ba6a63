import type { OutgoingMessage } from '../../ingest/io/producer.ts'
import type { OwnerEffects, OwnerSettings } from '../owner/effects.ts'
import { type Owners, openOwners } from '../owners.ts'
import type { Draw } from '../simulated_log.ts'
import { type Memory, newMemory } from '../worker/memory.ts'
import type { WorkerRequest } from '../worker/protocol.ts'
import type { FaultPlan } from './faults.ts'
import type { SimulatedKafka } from './kafka.ts'
import type { SimulatedPostgres } from './postgres.ts'
import type { Process } from './process.ts'
import type { SimulatedRedis } from './redis.ts'

/** An engine process: the real owners and the real memory of a worker, over simulated servers. */
export interface EngineProcess {
  process: Process
  owners: Owners
  memory(): Memory
  /** piscina replaces a dead thread without a word, and its memory is empty. */
  killWorker(): void
}

export interface EngineProcessOptions {
  process: Process
  settings: OwnerSettings
  kafka: SimulatedKafka
  postgres: SimulatedPostgres
  redis: SimulatedRedis
  faults: FaultPlan
  draw: Draw
  /** the wall clock as this process sees it, ms */
  clock: () => number
  newId: (at_ms: number) => string
  /** after every fold of a batch */
  folded: (memory: Memory, partition: number) => void
  violate: (error: Error) => void
}

export function newEngineProcess(options: EngineProcessOptions): EngineProcess {
  const { process, settings } = options
  let memory = newMemory()
  const effects = simulatedEffects(options, () => memory)
  return {
    process,
    owners: openOwners(settings, effects),
    memory: () => memory,
    killWorker() {
      memory = newMemory()
    },
  }
}

function simulatedEffects(options: EngineProcessOptions, memory: () => Memory): OwnerEffects {
  const { process, kafka, postgres, redis, faults, draw, clock } = options
  const producer = kafka.producer(process)
  const ask = (request: WorkerRequest) =>
    process.compute(request.kind, () => {
      const answer = memory().answer(request)
      if (request.kind === 'fold') options.folded(memory(), request.partition)
      return answer
    })
  return {
    raiseEpoch: partition => process.call('raise_epoch', () => postgres.raiseEpoch(partition)),
    isNewestOwner: (partition, epoch) =>
      process.call('is_newest_owner', () => postgres.isNewestOwner(partition, epoch)),
    readCheckpoint: partition => process.call('read_checkpoint', () => postgres.readCheckpoint(partition)),
    readParts: (partition, checkpoint, skip) =>
      process.call('read_parts', () => postgres.readParts(partition, checkpoint, skip)),
    writePart: part => process.call('write_part', () => postgres.writePart(part)),
    writeCut: cut => process.call('write_cut', () => postgres.writeCut(cut)),
    operationsEnd: partition => process.call('operations_end', () => kafka.end('operations', partition)),
    send: (topic: string, message: OutgoingMessage) => producer.send(topic, message),
    ask: ask as OwnerEffects['ask'],
    writeViews: writes =>
      process.call('write_views', () =>
        writes.map(write => {
          // One node of a cluster away: this view alone fails, and it is not known whether it was written.
          if (!faults.happens('node_away', 200)) return redis.write(write)
          if (draw.chance(0.5)) redis.write(write)
          return new Error('this node is away')
        }),
      ),
    readFences: views => process.call('read_fences', () => views.map(view => redis.fence(view))),
    now_ms: clock,
    wait: (ms, signal) =>
      new Promise(resolve => {
        process.later(ms, resolve)
        signal.addEventListener('abort', () => resolve(), { once: true })
      }),
    newId: () => options.newId(clock()),
    log: { info: () => undefined, warn: () => undefined },
    metrics: {
      folded: () => undefined,
      publishRetried: () => faults.note('publish_repeated'),
      viewWritten: () => undefined,
      checkpointed: () => faults.note('checkpoint_written'),
    },
    decided: () => undefined,
    fault(error) {
      if (process.alive() && !MAY_END_A_PROCESS.test(error.message)) options.violate(error)
      faults.note('process_ended_itself')
      process.kill()
    },
  }
}

/** For these reasons an engine ends itself, to be started anew; all others are bugs. */
const MAY_END_A_PROCESS = /newer owner|this worker holds epoch/
