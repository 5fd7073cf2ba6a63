import { useState } from 'react'
import type { Incident } from '../../contract.ts'
import { hm, hms, span } from '../clock.ts'
import { SIGN_PATHS } from '../sign_icons.ts'
import type { SignKind } from '../signs.ts'
import { cityNow, type Store, usePage, useWall } from '../store.ts'
import { isLate, promisedBy, shortId } from '../words.ts'
import { type Announced, asAnnounced, isLateNews } from './announcement.ts'
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
const WHOLE = 2

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
      <LateNow store={store} onOpen={onOpen} />
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

const LATE_MAX = 4

/** Each order that is late just now, the latest first, with what it waited for when it became late. */
function LateNow({ store, onOpen }: Pick<IncidentsProps, 'store' | 'onOpen'>) {
  useWall(1_000)
  const page = store.get()
  const now = cityNow(page)
  const late = [...page.room.orders.values()]
    .filter(order => isLate(order, now))
    .sort((a, b) => (promisedBy(a) ?? 0) - (promisedBy(b) ?? 0))
  if (late.length === 0) return null
  const told = new Map(page.room.feed.filter(isLateNews).map(item => [item.order_id, item]))
  return (
    <ul className="late-now" aria-label="Late now">
      {late.slice(0, LATE_MAX).map(order => {
        const { order_id, lat, lng } = order
        const news = told.get(order_id)
        const item = news ?? { id: order_id, at: now, tone: 'bad' as const, text: `Order ${shortId(order_id)} is late` }
        return (
          <li key={order_id}>
            <button type="button" onClick={() => onOpen({ ...item, order_id, point: { lat, lng } })}>
              <span>{item.text}</span> <b>{span(now - (promisedBy(order) ?? now))}</b>
            </button>
          </li>
        )
      })}
      {late.length > LATE_MAX && <li className="more">and {late.length - LATE_MAX} more</li>}
    </ul>
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
      {incident.over?.text && (
        <p className="over">
          {hm(incident.over.at)} {incident.over.text}
        </p>
      )}
    </div>
  )
}
