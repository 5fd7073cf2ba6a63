import { useEffect, useRef } from 'react'
import type { Point } from '../../ingest/events/envelope.ts'
import type { Stage } from './stage.ts'

/** Marks a place of the map for a while, wherever the map is moved to: rings that run out from it. */
export function Beacon({ stage, point: { lat, lng } }: { stage: Stage; point: Point }) {
  const mark = useRef<HTMLDivElement>(null)
  useEffect(() => {
    const place = () => {
      const [x = 0, y = 0] = stage.surface.view().project([lng, lat])
      if (mark.current) mark.current.style.transform = `translate(${x.toFixed(1)}px, ${y.toFixed(1)}px)`
    }
    place()
    return stage.onMoved(place)
  }, [stage, lat, lng])
  return (
    <div className="beacon" ref={mark} aria-hidden="true">
      <i />
      <i />
    </div>
  )
}
