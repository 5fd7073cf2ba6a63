import { openPostgres, type Pool } from '../ingest/io/postgres.ts'

/** Requests wait for what the book says, so the book must get on while they wait for connections: two pools. */
export interface Pools {
  requests: Pool
  /** the book, the outbox, the assignment of couriers */
  background: Pool
  close(): Promise<void>
}

const REQUESTS_MAX = 20
/** One a partition that is applied, and some. */
const BACKGROUND_MAX = 12

export function openPools(url: string, service: string): Pools {
  const requests = openPostgres(url, { max: REQUESTS_MAX, service })
  const background = openPostgres(url, { max: BACKGROUND_MAX, service: `${service} background` })
  return {
    requests,
    background,
    async close() {
      await Promise.all([requests.end(), background.end()])
    },
  }
}
