import type { Http } from '../ingest/io/http.ts'
import { addCourierRoutes } from './courier_routes.ts'
import { addDispatcherRoutes } from './dispatcher_routes.ts'
import { addHandRoutes } from './hand_routes.ts'
import { addPartnerRoutes, type PartnerEffects } from './partner_routes.ts'
import { addQueueRoutes, type QueueEffects } from './queue_routes.ts'
import { addReturnRoutes } from './return_routes.ts'
import type { WorkStreams } from './stream.ts'
import { addZoneRoutes } from './zone_routes.ts'

export type RouteEffects = PartnerEffects & QueueEffects & { streams: WorkStreams }

/** All doors of dispatch. */
export function addRoutes(http: Http, effects: RouteEffects): void {
  addPartnerRoutes(http, effects)
  addCourierRoutes(http, effects)
  addDispatcherRoutes(http, effects)
  addHandRoutes(http, effects)
  addQueueRoutes(http, effects)
  addZoneRoutes(http, effects)
  addReturnRoutes(http, effects.desk)
}
