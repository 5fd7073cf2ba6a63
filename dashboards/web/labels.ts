import type { Projects } from './pick.ts'

/** Names of places that cover neither each other nor a warehouse. Pure; what is fitted at one zoom fits at every larger one. */

export interface Label {
  text: string
  /** 0 water, 1 a quarter seen from afar, 2 one seen near, 3 a park or a landmark seen near */
  rank: number
  at: [number, number]
}

/** px on the screen */
interface Box {
  left: number
  right: number
  top: number
  bottom: number
}

interface Named {
  name: string
  lng: number
  lat: number
}

export const LABEL_PX: Record<number, number> = { 0: 16, 1: 14, 2: 12.5, 3: 12 }
/** Of Barlow Semi Condensed, medium, of its size; capitals are wider. */
const GLYPH_SHARE = 0.47
const CAPITAL_SHARE = 0.56
/** Free space around a name, px. */
const APART = { x: 10, y: 5 }
/** A warehouse's comb around its place, and its name below it: dashboards/web/styles/map.css. */
const COMB = { aside: 22, up: 24, down: 22 }
const NAME = { px: 13, from: 18, to: 40, padding: 8 }

function widthPx(text: string, size: number): number {
  const share = text === text.toUpperCase() ? CAPITAL_SHARE : GLYPH_SHARE
  return text.length * size * share
}

function boxOf({ text, rank, at }: Label, view: Projects): Box {
  const [x = 0, y = 0] = view.project(at)
  const size = LABEL_PX[rank] ?? 12
  const [half, tall] = [widthPx(text, size) / 2 + APART.x / 2, size / 2 + APART.y / 2]
  return { left: x - half, right: x + half, top: y - tall, bottom: y + tall }
}

function signOf({ name, lng, lat }: Named, view: Projects): Box[] {
  const [x = 0, y = 0] = view.project([lng, lat])
  const half = widthPx(name, NAME.px) / 2 + NAME.padding
  return [
    { left: x - COMB.aside, right: x + COMB.aside, top: y - COMB.up, bottom: y + COMB.down },
    { left: x - half, right: x + half, top: y + NAME.from, bottom: y + NAME.to },
  ]
}

const meet = (a: Box, b: Box): boolean => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom

/** The labels that find room, the important ones first, in the order they came in; warehouses were there before. */
export function fitLabels(labels: readonly Label[], warehouses: readonly Named[], view: Projects): Label[] {
  const taken = warehouses.flatMap(warehouse => signOf(warehouse, view))
  const names = new Set(warehouses.map(warehouse => warehouse.name))
  const fitted = new Set<Label>()
  for (const label of labels.toSorted((a, b) => a.rank - b.rank)) {
    const box = boxOf(label, view)
    // A warehouse that is called as its quarter says it already.
    if (names.has(label.text) || taken.some(other => meet(box, other))) continue
    taken.push(box)
    fitted.add(label)
  }
  return labels.filter(label => fitted.has(label))
}
