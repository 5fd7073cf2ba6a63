import { type KafkaClient, kafkaClient, pingKafka } from '../ingest/io/kafka.ts'
import { openPostgres, type Pool, pingPostgres } from '../ingest/io/postgres.ts'
import { step } from '../ingest/io/service.ts'
import { readToolConfig } from './config.ts'

/** What a command-line tool stands on: the same servers as the services, from the same environment. */
export interface Connection {
  kafka: KafkaClient
  pool: Pool
  namespace: string
}

/** @throws Error that names the variable and the address that does not answer */
export async function connect(tool: string, stack: AsyncDisposableStack): Promise<Connection> {
  const { namespace, kafka_brokers, postgres_url } = readToolConfig()
  const pool = openPostgres(postgres_url, { max: 2, service: tool })
  stack.defer(() => pool.end())
  const kafka = kafkaClient({ brokers: kafka_brokers, client_id: tool, retries: 2 })
  await step(`reach Postgres at ${withoutSecrets(postgres_url)} (WAGGLE_POSTGRES_URL)`, () => pingPostgres(pool))
  await step(`reach Kafka at ${kafka_brokers.join(',')} (WAGGLE_KAFKA_BROKERS)`, () => pingKafka(kafka))
  return { kafka, pool, namespace }
}

function withoutSecrets(url: string): string {
  const { protocol, host, pathname } = new URL(url)
  return `${protocol}//${host}${pathname}`
}
