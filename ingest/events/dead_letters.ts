/**
 * Why bytes of the log could not be used. A closed list: metrics reuse it as labels.
 * The value of a dead letter is the original bytes; where from and why stand in its headers (see `DeadLetterHeaders`).
 */
export const DEAD_REASONS = [
  'not_json',
  'wrong_shape',
  'unknown_type',
  'unsupported_version',
  'wrong_partition',
  'too_late_to_tell',
  'id_ahead_of_time',
  'conflict',
  'unknown_order',
  'unknown_fulfilment',
  'unknown_line',
  'unknown_hold',
  'unknown_sku',
  'unknown_transfer',
  'unknown_warehouse',
  'foreign_warehouse',
  'illegal_transition',
  'too_large',
] as const
export type DeadReason = (typeof DEAD_REASONS)[number]

/** Kafka headers of a dead letter, all strings. The key is `topic/partition/offset`: readers drop repeats by it. */
export interface DeadLetterHeaders {
  origin_topic: string
  origin_partition: string
  origin_offset: string
  reason: DeadReason
  detail: string
}
