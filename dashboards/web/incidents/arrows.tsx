import { useEffect, useRef } from 'react'
import type { Stage } from '../stage.ts'
import { cityNow, type Page, type Store, usePage, useWall } from '../store.ts'
import { type Arrow, arrowsOf, bent } from './arrows.ts'

/** Draws where the orders of incidents went: of the one that is pointed at, or else of the newest while they are fresh. */
interface ArrowsProps {
  stage: Stage
  store: Store
  pointed: string | null
}

/** Wall ms: longer than it is announced, since the answer comes after the question. */
const FRESH_MS = 45_000
/** So many incidents at a time. */
const SHOWN_MAX = 2
/** px from a warehouse's middle to the corner of its comb. */
const COMB_PX = 24

export function Arrows({ stage, store, pointed }: ArrowsProps) {
  usePage(store, page => page.room.incidents)
  useWall(1_000)
  const page = store.get()
  const arrows = chosen(page, pointed).flatMap(incident =>
    arrowsOf(incident, page.room).map(arrow => ({ ...arrow, key: `${incident.incident_id} ${arrow.key}` })),
  )
  return (
    <svg className="arrows" aria-hidden="true">
      <defs>
        <marker
          id="arrow-head"
          viewBox="0 0 10 10"
          refX="6"
          refY="5"
          markerWidth="4.2"
          markerHeight="4.2"
          orient="auto"
        >
          <path d="M0 0 10 5 0 10z" />
        </marker>
      </defs>
      {arrows.map(arrow => (
        <DrawnArrow key={arrow.key} stage={stage} arrow={arrow} />
      ))}
    </svg>
  )
}

function chosen({ room, ...page }: Page, pointed: string | null) {
  const named = room.incidents.find(one => one.incident_id === pointed)
  if (named) return [named]
  const now = cityNow({ room, ...page })
  const fresh = room.incidents.filter(one => one.answers.length > 0 && now - one.at < FRESH_MS * room.clock.rate)
  return fresh.slice(-SHOWN_MAX)
}

function DrawnArrow({ stage, arrow: { from, to, orders } }: { stage: Stage; arrow: Arrow }) {
  const group = useRef<SVGGElement>(null)
  useEffect(() => {
    const place = () => {
      const view = stage.surface.view()
      const [x1 = 0, y1 = 0] = view.project(from)
      const [x2 = 0, y2 = 0] = view.project(to)
      const path = bent([x1, y1], [x2, y2], COMB_PX)
      const { current } = group
      if (!current) return
      current.style.display = path ? '' : 'none'
      if (!path) return
      for (const line of current.querySelectorAll('path')) line.setAttribute('d', path.d)
      current.querySelector('g')?.setAttribute('transform', `translate(${path.middle.join(' ')})`)
    }
    place()
    return stage.onMoved(place)
  }, [stage, from, to])
  return (
    <g ref={group}>
      <path className="halo" />
      <path className="shaft" markerEnd="url(#arrow-head)" />
      {orders > 1 && (
        <g>
          <circle r="10" />
          <text dy="0.36em">{orders}</text>
        </g>
      )}
    </g>
  )
}
