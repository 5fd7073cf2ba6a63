import type { Problem } from '../contract.ts'

/** Throw it anywhere below a route: the caller gets `status` and the body of `Problem`. `detail` says what to do. */
export class HttpProblem extends Error {
  readonly statusCode: number
  readonly reason: string
  readonly pointer: string | undefined
  /** s after which to try again, sent as the header retry-after */
  readonly retry_after_s: number | undefined

  constructor(
    status: number,
    reason: string,
    detail: string,
    more: { pointer?: string | undefined; retry_after_s?: number; cause?: unknown } = {},
  ) {
    super(detail, { cause: more.cause })
    this.name = 'HttpProblem'
    this.statusCode = status
    this.reason = reason
    this.pointer = more.pointer
    this.retry_after_s = more.retry_after_s
  }

  body(correlation_id: string): Problem {
    const { reason, message: detail, pointer } = this
    return { reason, detail, ...(pointer === undefined ? {} : { pointer }), correlation_id }
  }
}
