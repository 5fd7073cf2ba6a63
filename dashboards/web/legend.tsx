import { SIGN_PATHS } from './sign_icons.ts'
import type { SignKind } from './signs.ts'
import { LOOK_WORDS, type Look } from './words.ts'

/** What the map shows, in the map's own signs: who is there, an order's way to its door, and what may go wrong on it. */
export function Legend() {
  return (
    <section className="panel legend" aria-label="Legend">
      <ul className="legend-who" aria-label="Who is there">
        <li>
          <svg viewBox="-20 -22 40 44" aria-hidden="true">
            <path className="comb" d="M0-19.5 17-9.8V9.8L0 19.5-17 9.8V-9.8z" />
          </svg>
          Warehouse, to pack
        </li>
        <li>
          <i className="bee" /> Courier
        </li>
        <li>
          <i className="bee free" /> free
        </li>
        <li>
          <i className="leg" data-to="warehouse" /> fetching
        </li>
        <li>
          <i className="leg" data-to="door" /> bringing
        </li>
        <li>
          <i className="cell" /> Demand
        </li>
      </ul>
      <ol className="legend-way" aria-label="The way of an order">
        {WAY.map(look => (
          <Dot key={look} look={look} />
        ))}
        <SignItem kind="delivered" words="Delivered" />
      </ol>
      <ul className="legend-trouble" aria-label="Trouble">
        <Dot look="late" />
        <SignItem kind="rerouted" words="Other warehouse" />
        <SignItem kind="reassigned" words="Other courier" />
        <SignItem kind="refused" words="Rejected, failed" />
        <SignItem kind="cancelled" words="Cancelled" />
        <li className="legend-map">
          <i className="ring" /> Here
        </li>
        <li className="legend-map">
          <b className="went">7</b> orders sent
        </li>
      </ul>
    </section>
  )
}

const WAY = ['waiting', 'picking', 'packed', 'under_way'] as const satisfies Look[]

const Dot = ({ look }: { look: Look }) => (
  <li>
    <i className="dot" data-look={look} /> {LOOK_WORDS[look]}
  </li>
)

const SignItem = ({ kind, words }: { kind: SignKind; words: string }) => (
  <li>
    <svg className="sign" data-sign={kind} viewBox="0 0 24 24" aria-hidden="true">
      <circle cx="12" cy="12" r="10.5" />
      <path d={SIGN_PATHS[kind]} />
    </svg>
    {words}
  </li>
)
