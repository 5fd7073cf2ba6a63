import { Client } from 'pg'

const KEPT = 20

/** Work that Postgres says is begun and not done, in words: cancellings without an answer, events that were not published. */
export async function findUnended(postgres_url: string): Promise<string[]> {
  const client = new Client({ connectionString: postgres_url, connectionTimeoutMillis: 5_000 })
  client.on('error', () => {}) // the rejected query says the same
  await client.connect()
  try {
    const cancels = await client.query<{ text: string }>(
      `SELECT order_id || ' was asked to be cancelled and is ' || state AS text
       FROM orders WHERE cancel_asked AND closed_at IS NULL LIMIT ${KEPT}`,
    )
    const outbox = await client.query<{ text: string }>(
      `SELECT 'row ' || id || ' of the outbox is not published: ' || coalesce(last_error, 'nobody tried') AS text
       FROM outbox WHERE published_at IS NULL LIMIT ${KEPT}`,
    )
    return [...cancels.rows, ...outbox.rows].map(({ text }) => text)
  } finally {
    await client.end()
  }
}
