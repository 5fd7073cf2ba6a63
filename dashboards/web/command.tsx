import { useState } from 'react'
import { hms } from './clock.ts'
import type { Answer, Refused } from './io/api.ts'
import { actorWords, reasonWords, STATE_WORDS } from './words.ts'

/** One command at a time: busy while it runs, and the refusal of the last one until the next. */
export interface Command {
  busy: boolean
  refused: Refused | null
  run: (ask: () => Promise<Answer<unknown>>, done?: () => void) => void
  forget: () => void
}

export function useCommand(): Command {
  const [busy, setBusy] = useState(false)
  const [refused, setRefused] = useState<Refused | null>(null)
  const run: Command['run'] = (ask, done) => {
    setBusy(true)
    setRefused(null)
    void ask().then(answer => {
      setBusy(false)
      if (answer.ok) done?.()
      else setRefused(answer)
    })
  }
  return { busy, refused, run, forget: () => setRefused(null) }
}

/** Says why a command was refused; of a lost race also who changed what, and when. */
export function Refusal({ refused, onAgain }: { refused: Refused; onAgain?: () => void }) {
  const lost = refused.current !== undefined || refused.changed_by !== undefined
  return (
    <div className="refusal" role="alert" data-reason={refused.reason}>
      <strong>
        {lost ? 'Somebody was faster' : refused.status === 0 ? 'No connection' : reasonWords(refused.reason)}
      </strong>
      <p>{refused.detail}</p>
      {lost && <p>{changed(refused)}</p>}
      {onAgain && (
        <button type="button" className="quiet" onClick={onAgain}>
          Look again
        </button>
      )}
    </div>
  )
}

function changed({ changed_by, changed_at, current }: Refused): string {
  const who = changed_by ? `Changed by ${actorWords(changed_by)}` : 'It was changed meanwhile'
  const when = changed_at ? ` at ${hms(changed_at)}` : ''
  if (!current) return `${who}${when}.`
  const state = 'order_id' in current ? STATE_WORDS[current.state].toLowerCase() : reasonWords(current.state)
  return `${who}${when}. Now: ${state}${current.courier_id ? `, courier ${current.courier_id}` : ''}.`
}
