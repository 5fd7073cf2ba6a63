import { Type } from 'typebox'
import { port, readEnvironment, SERVERS, SHARED } from '../ingest/io/environment.ts'

const Settings = Type.Object({
  ...SHARED,
  kafka_brokers: SERVERS.kafka_brokers,
  postgres_url: SERVERS.postgres_url,
  redis_url: SERVERS.redis_url,
  dispatch_port: port(4104),
  dispatch_offer_s: Type.Integer({
    default: 60,
    minimum: 1,
    maximum: 3_600,
    description: 's of business time after which an offer that is not answered goes to another courier',
  }),
  dispatch_lookahead_s: Type.Integer({
    default: 1_800,
    minimum: 0,
    maximum: 7_200,
    description: 's of business time: orders packed within it are planned for',
  }),
  dispatch_commit_s: Type.Integer({
    default: 90,
    minimum: 0,
    maximum: 3_600,
    description:
      's of business time: a trip is offered so long before its courier must leave; until then it may change',
  }),
  dispatch_courier_seen_s: Type.Integer({
    default: 120,
    minimum: 1,
    maximum: 86_400,
    description: 's of business time: a courier not heard of for longer gets no offer',
  }),
  dispatch_unreachable_s: Type.Integer({
    default: 300,
    minimum: 1,
    maximum: 86_400,
    description: 's of business time: a courier not heard of for longer is unreachable and loses what is not picked up',
  }),
})

/** @throws Error that names every variable that is missing or wrong */
export const readConfig = () => readEnvironment(Settings, process.env)
