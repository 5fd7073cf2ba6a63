/** What the server must know of a format: its media type, and whether its parts can follow each other. */
const CONTENT_TYPES: readonly (readonly [RegExp, string])[] = [
  [
    /^(JSONEachRow|JSONLines|NDJSON|JSONStringsEachRow|JSONCompactEachRow|JSONCompactStringsEachRow|PrettyJSONEachRow|PrettyJSONLines|PrettyNDJSON|JSONEachRowWithProgress|JSONStringsEachRowWithProgress|JSONCompactEachRowWithProgress|JSONCompactStringsEachRowWithProgress)/i,
    'application/x-ndjson; charset=UTF-8',
  ],
  [/^JSON/i, 'application/json; charset=UTF-8'],
  [/^CSVWithNames/i, 'text/csv; charset=UTF-8; header=present'],
  [/^CSV/i, 'text/csv; charset=UTF-8; header=absent'],
  [/^(TSV|TabSeparated|TSKV)/i, 'text/tab-separated-values; charset=UTF-8'],
  [/^(Pretty|Vertical|Values|SQLInsert|Raw|LineAsString)/i, 'text/plain; charset=UTF-8'],
  [/^Markdown/i, 'text/markdown; charset=UTF-8'],
  [/^XML/i, 'application/xml; charset=UTF-8'],
  [/^ArrowStream$/i, 'application/vnd.apache.arrow.stream'],
  [/^Arrow$/i, 'application/vnd.apache.arrow.file'],
  [/^Parquet$/i, 'application/vnd.apache.parquet'],
]

export function contentTypeOf(format: string): string {
  for (const [pattern, type] of CONTENT_TYPES) if (pattern.test(format)) return type
  return 'application/octet-stream'
}

/** Row after row and nothing around them: parts of a result in these formats, each complete, make the whole when put behind each other. */
const STREAMABLE = new Set(
  `JSONEachRow JSONLines NDJSON JSONStringsEachRow JSONCompactEachRow JSONCompactStringsEachRow CSV TSV TabSeparated TSVRaw
   TabSeparatedRaw Raw TSKV LineAsString RowBinary Native MsgPack`.split(/\s+/),
)

export function isStreamable(format: string): boolean {
  return STREAMABLE.has(format)
}
