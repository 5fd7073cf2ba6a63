import type { Http } from '../ingest/io/http.ts'
import { addReturnRoutes } from './couriers/return_routes.ts'
import { addCourierRoutes } from './couriers/routes.ts'
import { addDispatcherRoutes } from './hand/dispatcher_routes.ts'
import { addNoteRoutes } from './hand/note_routes.ts'
import { addHandRoutes } from './hand/order_routes.ts'
import { addQueueRoutes, type QueueEffects } from './hand/queue_routes.ts'
import { addZoneRoutes } from './hand/zone_routes.ts'
import { addPartnerRoutes, type PartnerEffects } from './orders/routes.ts'
import type { WorkStreams } from './stream.ts'

export type RouteEffects = PartnerEffects & QueueEffects & { streams: WorkStreams }

/** All doors of dispatch. */
export function addRoutes(http: Http, effects: RouteEffects): void {
  addPartnerRoutes(http, effects)
  addCourierRoutes(http, effects)
  addDispatcherRoutes(http, effects)
  addHandRoutes(http, effects)
  addQueueRoutes(http, effects)
  addZoneRoutes(http, effects)
  addNoteRoutes(http, effects)
  addReturnRoutes(http, effects.desk)
}
