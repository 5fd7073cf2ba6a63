import { useState } from 'react'
import type { Point } from '../../ingest/events/envelope.ts'
import { hm } from './clock.ts'
import { Refusal, useCommand } from './command.tsx'
import { type Crowd, sendCrowd } from './io/api.ts'
import { useEscape } from './keys.ts'

/** A visitor's own trouble: a crowd that orders where the map is clicked. Shown only where the outside world takes part. */
export interface Trouble {
  /** the next click on the map sends the crowd */
  armed: boolean
  arm: (armed: boolean) => void
  send: (point: Point) => void
  busy: boolean
  refused: ReturnType<typeof useCommand>['refused']
  sent: Crowd | null
  forget: () => void
}

export function useTrouble(onSent: (point: Point) => void): Trouble {
  const [armed, setArmed] = useState(false)
  const [sent, setSent] = useState<Crowd | null>(null)
  const { busy, refused, run, forget } = useCommand()
  const send = (point: Point) => {
    setArmed(false)
    run(
      async () => {
        const answer = await sendCrowd(point)
        if (answer.ok) setSent(answer.body)
        return answer
      },
      () => onSent(point),
    )
  }
  const again = () => {
    forget()
    setSent(null)
  }
  const arm = (next: boolean) => {
    again()
    setArmed(next)
  }
  return { armed, arm, send, busy, refused, sent, forget: again }
}

interface TroubleBarProps {
  /** null: there is no outside world to make it in */
  trouble: Trouble | null
  /** of what is seen of the map: the place for whoever has no pointer */
  middle: () => Point
  onPast: () => void
}

export function TroubleBar({ trouble, middle, onPast }: TroubleBarProps) {
  return (
    <div className="trouble-bar">
      {trouble && <Said trouble={trouble} middle={middle} />}
      <p className="trouble-line">
        {trouble && (
          <>
            <span className="wide">Make trouble: click a warehouse or a courier, or</span>
            <button
              type="button"
              className="quiet trouble"
              aria-pressed={trouble.armed}
              disabled={trouble.busy}
              onClick={() => trouble.arm(!trouble.armed)}
            >
              {trouble.busy ? 'the crowd is coming …' : 'send a crowd'}
            </button>
          </>
        )}
        <button type="button" className="quiet" onClick={onPast}>
          look back 30 min
        </button>
      </p>
    </div>
  )
}

function Said({ trouble, middle }: { trouble: Trouble; middle: () => Point }) {
  const { armed, arm, send, refused, sent, forget } = trouble
  if (armed) return <Armed onHere={() => send(middle())} onEnd={() => arm(false)} />
  if (!refused && !sent) return null
  return (
    <div className="trouble-said" role="status">
      {refused ? <Refusal refused={refused} /> : sent && <p>{sentWords(sent)}</p>}
      <CloseButton onClick={forget} />
    </div>
  )
}

function Armed({ onHere, onEnd }: { onHere: () => void; onEnd: () => void }) {
  useEscape(onEnd)
  return (
    <div className="trouble-said" role="status">
      <p>Now click where the crowd is.</p>
      <button type="button" className="quiet" onClick={onHere}>
        In the middle of the map
      </button>
      <CloseButton onClick={onEnd} />
    </div>
  )
}

const CloseButton = ({ onClick }: { onClick: () => void }) => (
  <button type="button" className="close" aria-label="Close" onClick={onClick}>
    ×
  </button>
)

const sentWords = ({ orders, until }: Crowd): string =>
  `${orders} orders more are coming from around here until ${hm(until)}. Watch the promises grow, and who is turned away.`
