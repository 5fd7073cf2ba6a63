import { channel } from 'node:diagnostics_channel'

/**
 * When what happened to which records: for who asks what an order waited for (`npm run bench:engine -- --cases latency`). Nothing is
 * told while nobody listens. Times are ms since 1970, with fractions, and comparable between threads. `first` and `last` are offsets.
 */
export type Happened =
  /** Kafka's answer is decoded, and the records wait for their turn */
  | { what: 'fetched'; topic: string; partition: number; first: number; last: number; at: number }
  /** a batch was handed to the worker thread (`from`), and its answer has come (`to`), as the main thread sees it */
  | { what: 'folded'; topic: string; partition: number; first: number; last: number; from: number; to: number }
  /** the worker thread was busy with one request: `fold operations`, `slice` … */
  | { what: 'worked'; kind: string; partition: number; from: number; to: number }
  /** one partition's part of a produce request: from its sending to its acknowledgement */
  | { what: 'produced'; topic: string; partition: number; first: number; last: number; from: number; to: number }

/** diagnostics_channel of this name; messages are `Happened` */
export const TIMELINE = 'waggle:timeline'

const timeline = channel(TIMELINE)

export const isWatched = (): boolean => timeline.hasSubscribers

export const tell = (happened: Happened): void => timeline.publish(happened)

export const timeNow = (): number => performance.timeOrigin + performance.now()
