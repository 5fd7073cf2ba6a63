import { useState } from 'react'
import type { Incident } from '../../contract.ts'
import { hms } from '../clock.ts'
import { SIGN_PATHS } from '../sign_icons.ts'
import type { SignKind } from '../signs.ts'
import { type Store, usePage } from '../store.ts'
import { type Announced, asAnnounced } from './announcement.ts'
import { type AnswerLine, answerLines, outcomeWords } from './incident_words.ts'
import { SceneSign } from './scene_sign.tsx'

/** What went wrong, newest first, each with what Waggle did about it and what came of it, kept in its place while that changes. */
interface IncidentsProps {
  store: Store
  onOpen: (item: Announced) => void
  /** the pointer or the focus is on this one, so that the map shows it; null: on none */
  onPoint: (incident_id: string | null) => void
}

/** The newest are told whole, the others in their sentence and their outcome. */
const WHOLE = 3

export function Incidents({ store, onOpen, onPoint }: IncidentsProps) {
  const incidents = usePage(store, page => page.room.incidents)
  const past = usePage(store, page => page.past)
  const warehouses = usePage(store, page => page.room.warehouses)
  const [opened, setOpened] = useState<string | null>(null)
  if (past) return null
  const nameOf = (id: string) => warehouses.get(id)?.name ?? id
  return (
    <section className="panel incidents" aria-label="What went wrong">
      <header>
        <h2>What went wrong, and what Waggle did</h2>
      </header>
      {incidents.length === 0 ? (
        <p className="empty">Nothing is out of order just now.</p>
      ) : (
        <ol onPointerLeave={() => onPoint(null)}>
          {incidents.toReversed().map((incident, at) => {
            const { incident_id: id } = incident
            return (
              <li
                key={id}
                data-tone={incident.over?.text ? 'good' : incident.tone}
                data-over={incident.over !== null}
                onPointerEnter={() => onPoint(id)}
                onFocus={() => onPoint(id)}
                onBlur={() => onPoint(null)}
              >
                <Headline
                  incident={incident}
                  onOpen={() => {
                    setOpened(id)
                    onOpen(asAnnounced(incident))
                  }}
                />
                {(at < WHOLE || opened === id) && (
                  <Answers
                    lines={answerLines(incident, nameOf)}
                    onOpen={order_id => onOpen({ ...asAnnounced(incident), order_id })}
                  />
                )}
                <Outcome incident={incident} />
              </li>
            )
          })}
        </ol>
      )}
    </section>
  )
}

function Headline({ incident: { text, at }, onOpen }: { incident: Incident; onOpen: () => void }) {
  return (
    <button type="button" className="incident-text" title="Show it on the map" onClick={onOpen}>
      <SceneSign />
      <strong>{text}</strong>
      <time>{hms(at)}</time>
    </button>
  )
}

function Answers({ lines, onOpen }: { lines: readonly AnswerLine[]; onOpen: (order_id: string) => void }) {
  return (
    <ul className="answers">
      {lines.map(({ did, sign, text, order_id }) => (
        <li key={did} data-did={did}>
          {sign ? <Sign kind={sign} /> : <i aria-hidden="true" />}
          {order_id ? (
            <button type="button" onClick={() => onOpen(order_id)}>
              {text}
            </button>
          ) : (
            <span>{text}</span>
          )}
        </li>
      ))}
    </ul>
  )
}

const Sign = ({ kind }: { kind: SignKind }) => (
  <svg className="sign" data-sign={kind} viewBox="0 0 24 24" aria-hidden="true">
    <circle cx="12" cy="12" r="10.5" />
    <path d={SIGN_PATHS[kind]} />
  </svg>
)

const PARTS = ['in_time', 'late', 'under_way', 'lost'] as const

function Outcome({ incident }: { incident: Incident }) {
  const { under_way, delivered, late, lost } = incident.orders
  const parts = { in_time: delivered - late, late, under_way, lost }
  const words = outcomeWords(incident)
  return (
    <div className="outcome">
      {delivered + under_way + lost > 1 && (
        <p className="parts" aria-hidden="true">
          {PARTS.map(part => parts[part] > 0 && <i key={part} data-part={part} style={{ flexGrow: parts[part] }} />)}
        </p>
      )}
      {words !== '' && <p>{words}</p>}
      {incident.over?.text && <p className="over">{incident.over.text}</p>}
    </div>
  )
}
