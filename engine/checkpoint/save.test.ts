import { expect, test } from 'vitest'
import { drawFrom, SimulatedZone, zoneIn } from '../simulated_log.ts'
import { newEngineProcess } from '../simulation/engine_process.ts'
import { newFaultPlan } from '../simulation/faults.ts'
import { newKafka } from '../simulation/kafka.ts'
import { type Member, newMember } from '../simulation/member.ts'
import { newPostgres } from '../simulation/postgres.ts'
import { newProcess } from '../simulation/process.ts'
import { newRedis } from '../simulation/redis.ts'
import { newScheduler } from '../simulation/scheduler.ts'

/** One engine with partition 0 over simulated servers on which nothing fails but what the test takes away. */
function scene() {
  const [draw, scheduler] = [drawFrom(1), newScheduler()]
  const faults = newFaultPlan(draw)
  faults.cease()
  const away = new Set<string>()
  const clock = () => Date.UTC(2026, 0, 2, 18) + scheduler.now()
  const kafka = newKafka({
    draw,
    clock,
    sendRecordsMax: () => 10,
    landing: (_topic, message) => message,
    appended: (topic, partition) => member?.wake(topic, partition),
  })
  const process = newProcess({
    name: 'engine',
    draw,
    scheduler,
    faults,
    latency_ms_max: 5,
    away: effect => away.has(effect),
    stall_ms: () => 0,
    killed: () => undefined,
    froze: () => undefined,
    woke: () => undefined,
  })
  const [postgres, redis] = [newPostgres(() => false), newRedis()]
  const settings = { namespace: 'test', partitions: 1, owner: 'engine', checkpoint_every_ms: 0 }
  const newId = () => '00000000-0000-7000-8000-000000000000'
  const watching = { folded: () => undefined, violate: () => undefined }
  const world = { process, settings, kafka, postgres, redis, faults, draw, clock, newId }
  const engine = newEngineProcess({ ...world, ...watching })
  const member: Member = newMember({
    process,
    owners: engine.owners,
    kafka,
    draw,
    namespace: 'test',
    batchOf: (_topic, _from, waiting) => waiting,
  })
  const run = (ms: number): Promise<void> => {
    const until = scheduler.now() + ms
    scheduler.after(ms, () => undefined)
    return scheduler.run(() => scheduler.now() >= until)
  }
  const zone_id = zoneIn(0, 1)
  const opening = new SimulatedZone(zone_id, 1, { start_ms: clock() }).opening()
  const append = (from: number, to: number) => {
    for (const { value } of opening.slice(from, to)) kafka.append('operations', { partition: 0, key: zone_id, value })
  }
  return { engine, member, postgres, away, run, append }
}

test.each([
  ['decisions', 'Kafka has not acknowledged'],
  ['movements', 'the ledger does not have'],
])('a checkpoint never holds %s that %s, though its owner loses the partition meanwhile', async topic => {
  const { engine, member, postgres, away, run, append } = scene()
  member.join(new Set([0]))
  append(0, 8)
  await run(300)
  engine.owners.maintain()
  await run(300)
  expect(postgres.readCheckpoint(0)?.operations_next).toBe(8)
  append(8, 10)
  await run(300)
  away.add(`send_${topic}`)
  append(10, 12)
  await run(100)
  engine.owners.maintain()
  await run(400)
  member.join(new Set())
  await run(1_000)
  expect(postgres.readCheckpoint(0)?.operations_next).toBe(8)
})
