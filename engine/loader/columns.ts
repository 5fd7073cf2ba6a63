import { Float32, Float64, Int64, TimestampMillisecond, Uint8, Uint16, Uint32, Uint64 } from 'apache-arrow'
import type { Column } from './column.ts'
import { CellColumn, LongColumn, NumberColumn } from './number_columns.ts'
import type { Kind } from './tables.ts'
import { BytesColumn, TextColumn, WordColumn } from './text_columns.ts'

/**
 * The columns of one INSERT, filled value by value while records are read: no row is ever an object. CPU-s a million records,
 * JSON.parse included, which alone is 1.8 to 4.6: orders 7.5 with rows as objects and 5.2 so, positions 8.5 and 5.6, decisions
 * 16.1 and 9.9. apache-arrow's builders take several times as long.
 */

const MAKE = {
  text: () => new TextColumn(),
  word: (place: number) => new WordColumn(place),
  bytes: () => new BytesColumn(),
  u8: () =>
    new NumberColumn(
      () => new Uint8(),
      length => new Uint8Array(length),
    ),
  u16: () =>
    new NumberColumn(
      () => new Uint16(),
      length => new Uint16Array(length),
    ),
  u32: () =>
    new NumberColumn(
      () => new Uint32(),
      length => new Uint32Array(length),
    ),
  u64: () => new LongColumn(() => new Uint64()),
  u64_or_null: () => new LongColumn(() => new Uint64()),
  cell: () => new CellColumn(),
  i64: () => new LongColumn(() => new Int64()),
  i64_or_null: () => new LongColumn(() => new Int64()),
  f32_or_null: () =>
    new NumberColumn(
      () => new Float32(),
      length => new Float32Array(length),
    ),
  f64_or_null: () =>
    new NumberColumn(
      () => new Float64(),
      length => new Float64Array(length),
    ),
  time: () => new LongColumn(() => new TimestampMillisecond('UTC')),
  time_or_null: () => new LongColumn(() => new TimestampMillisecond('UTC')),
} satisfies Record<Kind, (place: number) => Column>

export type ColumnOf<K extends Kind> = ReturnType<(typeof MAKE)[K]>

/** `place`: among the table's columns */
export const newColumn = <K extends Kind>(kind: K, place: number): ColumnOf<K> => MAKE[kind](place) as ColumnOf<K>
