import { type Connection, connect } from './connection.ts'

/**
 * The life of a command-line tool: what it found goes to standard output, how far it is and what went wrong to standard
 * error. It ends with 0; with 1 when something failed; with 2 when it was called in a way it does not know.
 */

/** The caller's slip: told together with where to read more. */
export class Misuse extends Error {
  override name = 'Misuse'
}

export interface Output {
  /** to standard output, as it is */
  write(content: string | Uint8Array): void
  /** a line to standard output */
  print(line: string): void
  /** a line to standard error */
  tell(line: string): void
}

export interface Tool<Options> {
  /** `npm run <name>` */
  name: string
  help: string
  /** null: help is wanted. @throws Error: whatever it is, the caller's slip */
  parse: (args: string[]) => Options | null
  /** @returns the exit code */
  work: (connection: Connection, options: Options, output: Output) => Promise<number>
}

/** Runs as this process. */
export async function runTool<Options>(tool: Tool<Options>): Promise<never> {
  // `npm run explain … | head`: nobody reads on, which is no fault.
  process.stdout.on('error', () => process.exit(0))
  const code = await callTool(tool, process.argv.slice(2), stack => connect(tool.name, stack), {
    write: content => process.stdout.write(content),
    print: line => process.stdout.write(`${line}\n`),
    tell: line => process.stderr.write(`${line}\n`),
  })
  // Where pipes are written asynchronously (macOS), leaving at once would cut the answer off.
  await new Promise(resolve => process.stdout.write('', resolve))
  process.exit(code)
}

export async function callTool<Options>(
  { name, help, parse, work }: Tool<Options>,
  args: string[],
  connecting: (stack: AsyncDisposableStack) => Promise<Connection>,
  output: Output,
): Promise<number> {
  const stack = new AsyncDisposableStack()
  try {
    const options = parsed(parse, args)
    if (options === null) {
      output.write(help)
      return 0
    }
    return await work(await connecting(stack), options, output)
  } catch (error) {
    output.tell(`${name}: ${reasonOf(error)}`)
    if (!(error instanceof Misuse)) return 1
    output.tell(`npm run ${name} -- --help says more`)
    return 2
  } finally {
    await stack.disposeAsync().catch((error: unknown) => output.tell(reasonOf(error)))
  }
}

function parsed<Options>(parse: Tool<Options>['parse'], args: string[]): Options | null {
  try {
    return parse(args)
  } catch (error) {
    throw error instanceof Misuse ? error : new Misuse(reasonOf(error))
  }
}

export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return error.errors.map(reasonOf).join('; ')
  return error instanceof Error ? error.message || error.name : String(error)
}

const TOLD_EVERY_MS = 1_000

/** How far a long reading is: one line, written over where somebody watches, else a line a second. */
export interface Progress {
  add(count: number): void
  end(): void
}

export function openProgress(what: string, total: number): Progress {
  const live = process.stderr.isTTY === true
  let done = 0
  let told_at = performance.now()
  let told = false
  return {
    add(count) {
      done += count
      const now = performance.now()
      if (now - told_at < (live ? TOLD_EVERY_MS / 5 : TOLD_EVERY_MS)) return
      told_at = now
      told = true
      const line = `${what}: ${grouped(done)} of ${grouped(total)}`
      process.stderr.write(live ? `\r${line}\u001b[K` : `${line}\n`)
    },
    end() {
      if (told && live) process.stderr.write('\r\u001b[K')
    },
  }
}

/** 1234567 → 1,234,567 */
export const grouped = (count: number): string => String(count).replace(/\B(?=(\d{3})+$)/g, ',')

/** Rows as columns of equal width; the last is left ragged. The first row is the head. */
export function tableText(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map(row => (row[column] ?? '').length)))
  const lines = rows.map(row =>
    row
      .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  )
  return lines.join('\n')
}
