import type { Layer } from '@deck.gl/core'
import { asLegs, type Chosen, courierDots, NOBODY, orderDots, orderLegs, pullLegs } from './dots.ts'
import { aim, newGlide, placesAt } from './glide.ts'
import { fitLabels } from './labels.ts'
import {
  type Basemap,
  basemapLayers,
  demandLayer,
  dotLayer,
  labelLayers,
  legLayer,
  NEAR_ZOOM,
  uploadAgain,
} from './layers.ts'
import { drawsInSoftware } from './motion.ts'
import { type SignAtlas, signAtlas } from './sign_icons.ts'
import { signLayer } from './sign_layer.ts'
import { type Sign, signsAfter } from './signs.ts'
import { cityNow, type Page, type Store } from './store.ts'
import type { Surface } from './surface.ts'
import type { Palette } from './theme.ts'

/**
 * The frame loop. Rows become columns when they change, once a second at the most for what only time changes; a frame moves
 * couriers and legs and nothing else. A hidden tab has no frames, so it costs nothing.
 */
export interface Scene {
  setPalette: (palette: Palette) => void
  setChosen: (chosen: Chosen) => void
  /** where couriers are drawn at this moment: lng, lat by index */
  places: () => Float32Array
  /** the wall time they are drawn for, ms */
  placesAt: () => number
  /** orders on the map, for picking */
  orderIds: () => readonly string[]
  orderPlaces: () => Float32Array
  destroy: () => void
}

/** Between frames, ms: at least, and at most where drawing is slow, so that two thirds of the time stay free for the rest of the page. */
const PACE = { gpu: { least: 33, most: 900 }, software: { least: 500, most: 2_000 } }
const REBUILD_MS = 1_000
/** By so much the zoom may change before labels make way anew and streets come or go. */
const REPAINT_ZOOM = 0.3

export interface SceneOptions {
  store: Store
  surface: Surface
  basemap: Basemap
  palette: Palette
  still: boolean
}

export function startScene(options: SceneOptions): Scene {
  const { store, surface, basemap, still } = options
  let { palette } = options
  let chosen: Chosen = NOBODY
  let drawn: Page['room'] | null = null
  let rebuilt_wall_ms = 0
  let glide = newGlide()
  let signs: readonly Sign[] = []
  let atlas: SignAtlas = signAtlas(palette)
  let position = new Float32Array(0)
  const pace = drawsInSoftware() ? PACE.software : PACE.gpu
  let frame_ms = pace.least
  let last_wall_ms = 0
  let painted_zoom = 0
  let painted_ground = ''
  let stopped = false
  let columns = buildColumns(store.get(), position, palette, chosen)
  let below: Layer[] = []
  let labels: Layer[] = []
  let demand: Layer[] = []

  const paintGround = () => {
    painted_zoom = surface.view().zoom
    if (surface.foreign) return
    const near = painted_zoom >= NEAR_ZOOM
    const ground = `${palette.name} ${near}`
    if (ground !== painted_ground) below = basemapLayers(basemap, palette, near)
    painted_ground = ground
    const ranks = near ? basemap.labels : basemap.labels.filter(label => label.rank < 2)
    const fitted = fitLabels(ranks, [...store.get().room.warehouses.values()], surface.view())
    labels = labelLayers(fitted, palette, near)
  }

  const rebuild = (page: Page, wall_ms: number) => {
    const { room } = page
    signs = signsAfter(signs, drawn, room, wall_ms)
    if (room.warehouses.size !== drawn?.warehouses.size) paintGround()
    if (room.fleet !== drawn?.fleet) {
      // Another life of the gateway numbers the couriers anew.
      if (room.epoch !== drawn?.epoch) glide = newGlide()
      glide = aim(glide, room.fleet, still ? Number.POSITIVE_INFINITY : room.clock.rate, wall_ms)
      if (position.length !== 2 * glide.couriers) position = new Float32Array(2 * glide.couriers)
    }
    if (room.demand !== drawn?.demand) demand = demandLayers(room.demand, palette)
    const rows =
      room.orders !== drawn?.orders || room.couriers !== drawn.couriers || room.warehouses !== drawn.warehouses
    if (rows || wall_ms - rebuilt_wall_ms > REBUILD_MS || columns.position !== position) {
      placesAt(glide, wall_ms, position)
      columns = buildColumns(page, position, palette, chosen)
      rebuilt_wall_ms = wall_ms
    }
    drawn = room
  }

  const frame = () => {
    if (stopped) return
    requestAnimationFrame(frame)
    const wall_ms = Date.now()
    if (wall_ms - last_wall_ms < frame_ms) return
    last_wall_ms = wall_ms
    if (Math.abs(surface.view().zoom - painted_zoom) > REPAINT_ZOOM) paintGround()
    const before = columns
    const before_signs = signs
    rebuild(store.get(), wall_ms)
    const moving = placesAt(glide, wall_ms, position)
    const rippling = !still && pace === PACE.gpu && columns.late.length > 0
    if (!moving && !rippling && before === columns && before_signs === signs && signs.length === 0) return
    pullLegs(columns.legs, position)
    const hot = hotLayers(columns, rippling ? wall_ms : 0)
    surface.setLayers([...below, ...demand, ...labels, ...hot, signLayer(signs, atlas, wall_ms, still)])
    const began = performance.now()
    requestAnimationFrame(() => requestAnimationFrame(() => adapt(performance.now() - began)))
  }
  /** Two frames of a screen take 33 ms when drawing costs nothing. */
  const adapt = (two_frames_ms: number) => {
    const wanted = Math.min(pace.most, Math.max(pace.least, 3 * (two_frames_ms - 34)))
    frame_ms = wanted > frame_ms ? wanted : frame_ms + 0.1 * (wanted - frame_ms)
  }
  requestAnimationFrame(frame)

  return {
    setPalette(next) {
      palette = next
      atlas = signAtlas(next)
      surface.setPalette(next)
      paintGround()
      demand = demandLayers(store.get().room.demand, palette)
      rebuilt_wall_ms = 0
    },
    setChosen(next) {
      chosen = next
      rebuilt_wall_ms = 0
    },
    places: () => position,
    placesAt: () => last_wall_ms,
    orderIds: () => columns.ids,
    orderPlaces: () => columns.orderPlaces,
    destroy() {
      stopped = true
    },
  }
}

const demandLayers = (cells: Page['room']['demand'], palette: Palette): Layer[] =>
  cells.length > 0 ? [demandLayer(cells, palette)] : []

function buildColumns(page: Page, position: Float32Array, palette: Palette, chosen: Chosen) {
  const { room } = page
  const now = cityNow(page)
  const orders = [...room.orders.values()]
  const when = { now, rate: room.clock.rate }
  const { dots, late, ids, position: orderPlaces } = orderDots(orders, when, palette, chosen)
  const legs = orderLegs(orders, room.couriers, room.warehouses, now, palette, chosen)
  return {
    orders: dots,
    late,
    ids,
    orderPlaces,
    position,
    couriers: courierDots(room.couriers.values(), position, palette, chosen),
    legs,
    legColumns: asLegs(legs),
  }
}

/** A ripple runs out from every late order, all of them together: two numbers on the GPU, seen from across the room. */
const RIPPLE_MS = 1_500
const RIPPLE_SCALE = 2.3

/** @param ripple_wall_ms 0: nothing ripples */
function hotLayers(columns: ReturnType<typeof buildColumns>, ripple_wall_ms: number): Layer[] {
  const part = (ripple_wall_ms % RIPPLE_MS) / RIPPLE_MS
  const ripple = { scale: 1 + (RIPPLE_SCALE - 1) * part, opacity: ripple_wall_ms === 0 ? 0 : (1 - part) ** 1.5 }
  return [
    legLayer(uploadAgain(columns.legColumns, ['getSourcePosition', 'getTargetPosition'])),
    dotLayer(columns.late, { id: 'ripples', filled: false, line_px: 2, ...ripple }),
    dotLayer(columns.late, { id: 'late', filled: true, line_px: 2 }),
    dotLayer(columns.orders, { id: 'orders', filled: true, line_px: 1.25 }),
    dotLayer(uploadAgain(columns.couriers, ['getPosition']), { id: 'couriers', filled: true, line_px: 1.25 }),
  ]
}
