import type { Topic } from '../../ingest/contract.ts'
import type { Log } from '../../ingest/io/log.ts'
import type { OutgoingMessage } from '../../ingest/io/producer.ts'
import type { Checkpoint, CheckpointCut, CheckpointPart } from '../io/checkpoints.ts'
import type { LiveViewEffects } from '../live_views.ts'
import type { EngineMetrics } from '../metrics.ts'
import type { CutAnswer, Due, Folded, SliceAnswer, ViewChange, WorkerRequest } from '../worker/protocol.ts'

/**
 * Everything that an owner of partitions asks of the world. The real ones are wired in run.ts; the simulation gives
 * others, and may let any of these promises resolve late, twice in effect, or never. So an owner has no clock, no timer and
 * no randomness but these.
 */
export interface OwnerEffects extends LiveViewEffects {
  // ── Postgres ──
  /** Makes this process the newest owner of the partition; resolves with its epoch, which is higher than `above`. */
  raiseEpoch(partition: number, above: number): Promise<number>
  isNewestOwner(partition: number, epoch: number): Promise<boolean>
  /** the newest one */
  readCheckpoint(partition: number): Promise<Checkpoint | null>
  /** some parts of it after the first `skip`, in their order; none: that were all */
  readParts(partition: number, checkpoint: Pick<Checkpoint, 'base' | 'cut'>, skip: number): Promise<Uint8Array[]>
  /** Writes a part that does not count before its cut is written. */
  writePart(part: CheckpointPart): Promise<void>
  /** false, and nothing is written, when a newer owner has been here */
  writeCut(cut: CheckpointCut): Promise<boolean>

  // ── Kafka ──
  /** the next offset that `operations` will give in this partition */
  operationsEnd(partition: number): Promise<number>
  /** Resolves once Kafka has acknowledged. After a rejection the message may lie in the log all the same. */
  send(topic: EngineTopic, message: OutgoingMessage): Promise<{ offset: number }>

  // ── the worker that holds the partition ──
  ask<Kind extends WorkerRequest['kind']>(request: RequestOf<Kind>): Promise<WorkerAnswers[Kind]>

  // ── time and chance ──
  /** the wall clock, ms */
  now_ms(): number
  /** Resolves after `ms`, or at once when the signal aborts. */
  wait(ms: number, signal: AbortSignal): Promise<void>
  /** a fresh UUIDv7 */
  newId(): string

  log: Pick<Log, 'info' | 'warn'>
  metrics: EngineMetrics
  /** Told of what was decided and acknowledged, so that a correlation id can be followed. */
  decided(lines: Folded['decided']): void
  /** The engine can't go on; the process should end and be started again. */
  fault(error: Error): void
}

/** What the engine writes. */
export type EngineTopic = Extract<Topic, 'operations' | 'decisions' | 'movements' | 'dead-letters'>

export type RequestOf<Kind extends WorkerRequest['kind']> = Extract<WorkerRequest, { kind: Kind }>

export interface WorkerAnswers {
  load: Due | null
  fold: Folded
  names: string[]
  whole: ViewChange[]
  restore: Due | null
  slice: SliceAnswer
  cut: CutAnswer
  drop: null
}

export interface OwnerSettings {
  namespace: string
  partitions: number
  /** host, process and instance, for people */
  owner: string
  checkpoint_every_ms: number
}
