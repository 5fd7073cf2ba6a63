import type { Log } from './log.ts'

/**
 * The life of a service process: `start` puts what it opened on the stack; SIGTERM and SIGINT release it in reverse
 * order and the process ends with 0. A start that fails releases what was open, says why in one line, and ends with 1.
 */
export async function runService(service: string, start: (stack: AsyncDisposableStack) => Promise<Log>): Promise<void> {
  const stack = new AsyncDisposableStack()
  const asked = untilAsked()
  try {
    const log = await start(stack)
    const signal = await asked
    log.info({ signal }, 'stopping')
    await release(stack, service)
    log.info('stopped')
    process.exit(0)
  } catch (error) {
    process.stderr.write(`${service} did not start: ${reasonOf(error)}\n`)
    await release(stack, service)
    process.exit(1)
  }
}

const RELEASE_TIMEOUT_MS = 15_000

/** Whatever hangs in closing must not keep the process alive; what was acknowledged is safe by then. */
async function release(stack: AsyncDisposableStack, service: string): Promise<void> {
  const timer = setTimeout(() => {
    process.stderr.write(`${service} could not stop within ${RELEASE_TIMEOUT_MS / 1_000} s and was ended\n`)
    // Not exit(): what hangs may hang in an exit handler, too.
    process.kill(process.pid, 'SIGKILL')
  }, RELEASE_TIMEOUT_MS)
  try {
    await stack.disposeAsync()
  } catch (error) {
    process.stderr.write(`${service} did not stop cleanly: ${reasonOf(error)}\n`)
  } finally {
    clearTimeout(timer)
  }
}

function untilAsked(): Promise<NodeJS.Signals> {
  return new Promise(resolve => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(signal))
  })
}

/** Names the step of a start that fails, for the line that the operator reads. */
export async function step<Result>(what: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    throw new Error(`could not ${what}: ${reasonOf(error)}`, { cause: error })
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return error.errors.map(reasonOf).join('; ')
  return error instanceof Error ? error.message || error.name : String(error)
}
