import { type RedisClient, readFences, writeViews } from './io/redis.ts'
import type { LiveViewEffects } from './live_views.ts'

/** The effects of the live views on a real Redis, counting nothing. */
export const onRedis = (redis: RedisClient, namespace: string): LiveViewEffects => ({
  writeViews: writes => writeViews(redis, namespace, writes),
  readFences: views => readFences(redis, namespace, views),
  metrics: { viewWritten: () => undefined },
})
