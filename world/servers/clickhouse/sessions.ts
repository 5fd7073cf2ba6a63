/** `session_id` of ClickHouse's HTTP interface: a connection, and so its temporary tables and settings, that lives from query to query. */
import { ClickHouseException } from './errors.ts'
import type { QueryThread, ThreadPool } from './threads.ts'

const SESSIONS_MAX = 16
const IDLE_MS = 60_000

interface KeptSession {
  thread: QueryThread
  busy: boolean
  timer?: NodeJS.Timeout
}

export interface Sessions {
  /** Runs `work` on the session's own thread. Throws SESSION_IS_LOCKED while another query of the same session runs. */
  use<T>(session_id: string, work: (thread: QueryThread) => Promise<T>): Promise<T>
}

export function makeSessions(pool: ThreadPool): Sessions {
  const sessions = new Map<string, KeptSession>()
  const end = (id: string, session: KeptSession) => {
    sessions.delete(id)
    session.thread.forget()
    pool.giveBack(session.thread)
  }
  return {
    async use(id, work) {
      const session = sessions.get(id) ?? open(sessions, id, pool)
      if (session.busy)
        throw new ClickHouseException(373, 'SESSION_IS_LOCKED', `Session ${id} is locked by a concurrent client`)
      session.busy = true
      clearTimeout(session.timer)
      try {
        return await work(session.thread)
      } finally {
        session.busy = false
        session.timer = setTimeout(end, IDLE_MS, id, session).unref()
      }
    },
  }
}

function open(sessions: Map<string, KeptSession>, id: string, pool: ThreadPool): KeptSession {
  if (sessions.size >= SESSIONS_MAX) {
    throw new ClickHouseException(202, 'TOO_MANY_SIMULTANEOUS_QUERIES', `Too many sessions. Maximum: ${SESSIONS_MAX}`)
  }
  const session = { thread: pool.take(), busy: false }
  sessions.set(id, session)
  return session
}
