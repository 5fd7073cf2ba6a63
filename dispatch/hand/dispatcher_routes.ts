import { Type } from 'typebox'
import { WarehouseId } from '../../ingest/events/envelope.ts'
import type { Http } from '../../ingest/io/http.ts'
import { WithReason } from '../contract.ts'
import { type Desk, isRefused } from '../desk.ts'
import { actOf, sendRefused, versionOf } from '../door.ts'
import type { WorkStreams } from '../stream.ts'
import { setWarehousePaused } from './pause.ts'

const OneWarehouse = Type.Object({ warehouse_id: WarehouseId })

/** For dispatchers: pause a warehouse, and the stream of work. What they do with orders is in order_routes.ts. */
export function addDispatcherRoutes(http: Http, { desk, streams }: { desk: Desk; streams: WorkStreams }): void {
  addPauseRoutes(http, desk)
  const { app, requireScope } = http
  app.get('/v1/work/stream', { preHandler: requireScope('dispatch') }, async (request, reply) => {
    reply.hijack()
    reply.raw.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-correlation-id': request.correlation_id,
    })
    try {
      await streams.open(request.caller.tenant_id, reply.raw)
    } catch (error) {
      request.log.warn({ err: error }, 'a work stream could not begin; the reader comes again')
      reply.raw.destroy()
    }
  })
}

function addPauseRoutes({ app, requireScope }: Http, desk: Desk): void {
  const command = { preHandler: requireScope('dispatch'), schema: { params: OneWarehouse, body: WithReason } }
  for (const verb of ['pause', 'resume'] as const) {
    app.post(`/v1/dispatch/warehouses/:warehouse_id/${verb}`, command, async (request, reply) => {
      const answer = await setWarehousePaused(desk, actOf(request, desk), {
        warehouse_id: request.params.warehouse_id,
        paused: verb === 'pause',
        reason: request.body.reason,
        version: versionOf(request),
      })
      if (isRefused(answer)) return sendRefused(reply, request, answer.refused)
      return reply.header('etag', `"${answer.warehouse.version}"`).send(answer.warehouse)
    })
  }
}
