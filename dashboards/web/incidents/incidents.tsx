import { useState } from 'react'
import type { Incident } from '../../contract.ts'
import { hm, hms, span } from '../clock.ts'
import { SIGN_PATHS } from '../sign_icons.ts'
import type { SignKind } from '../signs.ts'
import { cityNow, type Store, usePage, useWall } from '../store.ts'
import { isLate, promisedBy } from '../words.ts'
import { type Announced, asAnnounced } from './announcement.ts'
import { type AnswerLine, answerLines, lateWords, outcomeWords } from './incident_words.ts'
import { SceneSign } from './scene_sign.tsx'

/** What went wrong, newest first, each with what Waggle did about it and what came of it, kept in its place while that changes. */
interface IncidentsProps {
  store: Store
  onOpen: (item: Announced) => void
  /** the pointer or the focus is on this one, so that the map shows it; null: on none */
  onPoint: (incident_id: string | null) => void
}

/** The newest are told whole, the others in a line each for what it was and what came of it: none is to leave one's sight. */
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
      <LateNow store={store} nameOf={nameOf} onOpen={onOpen} />
      {incidents.length === 0 ? (
        <p className="empty">No trouble right now.</p>
      ) : (
        <ol onPointerLeave={() => onPoint(null)}>
          {incidents.toReversed().map((incident, at) => {
            const { incident_id: id } = incident
            const whole = at < WHOLE || opened === id
            return (
              <li
                key={id}
                data-tone={isSettled(incident) ? 'good' : incident.tone}
                data-whole={whole}
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
                {whole && (
                  <Answers
                    lines={answerLines(incident, nameOf)}
                    onOpen={order_id => onOpen({ ...asAnnounced(incident), order_id })}
                  />
                )}
                <Outcome incident={incident} whole={whole} />
              </li>
            )
          })}
        </ol>
      )}
    </section>
  )
}

/** It is over, and so are all of its orders. */
const isSettled = ({ over, orders }: Incident): boolean => over?.text != null && orders.under_way === 0

const LATE_MAX = 4

/** Each order that is late just now, the latest first, with what it waits for. */
interface LateNowProps extends Pick<IncidentsProps, 'store' | 'onOpen'> {
  nameOf: (warehouse_id: string) => string
}

function LateNow({ store, nameOf, onOpen }: LateNowProps) {
  useWall(1_000)
  const page = store.get()
  const now = cityNow(page)
  const late = [...page.room.orders.values()]
    .filter(order => isLate(order, now))
    .sort((a, b) => (promisedBy(a) ?? 0) - (promisedBy(b) ?? 0))
  if (late.length === 0) return null
  return (
    <ul className="late-now" aria-label="Late now">
      {late.slice(0, LATE_MAX).map(order => {
        const { order_id, lat, lng } = order
        const text = lateWords(order, nameOf)
        return (
          <li key={order_id}>
            <button
              type="button"
              onClick={() => onOpen({ id: order_id, at: now, tone: 'bad', text, order_id, point: { lat, lng } })}
            >
              <span>{text}</span> <b>{span(now - (promisedBy(order) ?? now))}</b>
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

function Outcome({ incident, whole }: { incident: Incident; whole: boolean }) {
  const { under_way, delivered, late, lost } = incident.orders
  const parts = { in_time: delivered - late, late, under_way, lost }
  const words = outcomeWords(incident)
  return (
    <div className="outcome">
      {whole && delivered + under_way + lost > 1 && (
        <p className="parts" aria-hidden="true">
          {PARTS.map(part => parts[part] > 0 && <i key={part} data-part={part} style={{ flexGrow: parts[part] }} />)}
        </p>
      )}
      {words !== '' && <p>{words}</p>}
      {whole && incident.over?.text && (
        <p className="over">
          {hm(incident.over.at)} {incident.over.text}
        </p>
      )}
    </div>
  )
}
