import { useEffect, useRef } from 'react'

/** Esc closes what was opened last: the listener that came last takes the key. */
const listeners: (() => void)[] = []

addEventListener('keydown', event => {
  if (event.key !== 'Escape') return
  const last = listeners.at(-1)
  if (!last) return
  event.preventDefault()
  last()
})

export function useEscape(close: () => void): void {
  const latest = useRef(close)
  latest.current = close
  useEffect(() => {
    const listener = () => latest.current()
    listeners.push(listener)
    return () => {
      listeners.splice(listeners.indexOf(listener), 1)
    }
  }, [])
}
