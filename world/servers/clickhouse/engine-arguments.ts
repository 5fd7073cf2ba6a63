import { PREAMBLE_BYTES_MAX } from './protocol.ts'

/** Where the embedded engine's defaults differ from a server's. Given to every connection. */
export const ENGINE_ARGUMENTS = [
  // Every table is there before the first query, and before `default` is attached again.
  '--async_load_databases=0',
  `--max_memory_usage=${4 * 1024 ** 3}`,
  '--implicit_select=0',
  `--max_query_size=${PREAMBLE_BYTES_MAX}`,
  '--allow_introspection_functions=0',
  '--use_structure_from_insertion_table_in_table_functions=2',
]
