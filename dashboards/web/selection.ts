import { useCallback, useEffect, useState } from 'react'
import type { Point } from '../../ingest/events/envelope.ts'
import type { FeedItem } from '../contract.ts'

/** A place that the map goes to and marks for a while. */
export interface Spot {
  point: Point
  since_wall_ms: number
}

const SPOT_MS = 12_000

/** The place shown just now, and what shows another one: the same place again goes there again. */
export function useSpot(): [Spot | null, (point: Point) => void] {
  const [spot, setSpot] = useState<Spot | null>(null)
  useEffect(() => {
    if (!spot) return
    const timer = setTimeout(() => setSpot(null), SPOT_MS)
    return () => clearTimeout(timer)
  }, [spot])
  return [spot, useCallback(point => setSpot({ point, since_wall_ms: Date.now() }), [])]
}

const KINDS = ['order', 'warehouse', 'courier'] as const

/** What is open beside the map. It lives in the address, so it can be linked to and the back button closes it. */
type Kind = (typeof KINDS)[number]
export type Selection = { kind: Kind; id: string } | null

function read(): Selection {
  const [first, id] = location.hash.slice(1).split('/')
  const kind = KINDS.find(one => one === first)
  if (!kind || !id) return null
  return { kind, id: decodeURIComponent(id) }
}

export function useSelection(): [Selection, (next: Selection) => void] {
  const [selection, setSelection] = useState(read)
  useEffect(() => {
    const follow = () => setSelection(read())
    addEventListener('hashchange', follow)
    return () => removeEventListener('hashchange', follow)
  }, [])
  const select = useCallback((next: Selection) => {
    location.hash = next ? `${next.kind}/${encodeURIComponent(next.id)}` : ''
  }, [])
  return [selection, select]
}

/** What a sentence speaks of. */
export const subjectOf = ({ order_id, warehouse_id }: Pick<FeedItem, 'order_id' | 'warehouse_id'>): Selection =>
  order_id ? { kind: 'order', id: order_id } : warehouse_id ? { kind: 'warehouse', id: warehouse_id } : null
