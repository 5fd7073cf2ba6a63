import { useState } from 'react'
import { useEscape } from './keys.ts'

/** The first visit: three short hints, one at a time, put away for good; the question mark in the header brings them back. */
const KEPT = 'waggle.hints'
const SEEN = 'seen'

interface Hint {
  title: string
  text: string
}

const HINTS: readonly Hint[] = [
  {
    title: 'A city that orders groceries',
    text: 'Waggle picks warehouse and courier for each order, and plans anew when something breaks. Hexagons are warehouses, yellow dots are couriers. The other dots are orders, at the customer’s door: the colour says how far it has come.',
  },
  {
    title: 'Waggle decides, all the time',
    text: 'A red dot is a late order. What goes wrong is called out on the map and listed on the right, with what Waggle did about it and what became of its orders: click an entry to see it on the map.',
  },
]
const TROUBLE: Hint = {
  title: 'Make trouble, and watch',
  text: 'Click a warehouse to pause it, or a courier to break it down; or send a crowd. Look back 30 minutes to see it again.',
}
const LOOK_BACK: Hint = {
  title: 'Look closer, and back',
  text: 'Click a warehouse, a courier or an order to see what it is about. Look back 30 minutes to see it all again.',
}

export function useHints(): { open: boolean; show: () => void; putAway: () => void } {
  const [open, setOpen] = useState(() => localStorage.getItem(KEPT) !== SEEN)
  const putAway = () => {
    localStorage.setItem(KEPT, SEEN)
    setOpen(false)
  }
  return { open, show: () => setOpen(true), putAway }
}

export function Hints({ world, onEnd }: { world: boolean; onEnd: () => void }) {
  const [at, setAt] = useState(0)
  useEscape(onEnd)
  const hints = [...HINTS, world ? TROUBLE : LOOK_BACK]
  const hint = hints[at]
  if (!hint) return null
  const last = at === hints.length - 1
  return (
    <section className="hints" aria-label="What you see here">
      <div aria-live="polite">
        <h2>{hint.title}</h2>
        <p>{hint.text}</p>
      </div>
      <div className="hints-row">
        <span className="dim small">
          {at + 1} of {hints.length}
        </span>
        {!last && (
          <button type="button" className="skip" onClick={onEnd}>
            Skip
          </button>
        )}
        <button type="button" className="primary" onClick={() => (last ? onEnd() : setAt(at + 1))}>
          {last ? 'Got it' : 'Next'}
        </button>
      </div>
    </section>
  )
}
