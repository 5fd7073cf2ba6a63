import { LOOK_WORDS, LOOKS } from './words.ts'

/** What the map shows, in the map's own signs. */
export function Legend() {
  return (
    <section className="panel legend" aria-label="Legend">
      <ul>
        <li>
          <svg viewBox="-20 -22 40 44" aria-hidden="true">
            <path className="comb" d="M0-19.5 17-9.8V9.8L0 19.5-17 9.8V-9.8z" />
          </svg>
          Warehouse, orders to pick
        </li>
        <li>
          <i className="bee" /> Courier on a trip
        </li>
        <li>
          <i className="bee free" /> free
        </li>
        <li>
          <i className="cell" /> Demand, last 30 min
        </li>
      </ul>
      <ul>
        {LOOKS.map(look => (
          <li key={look}>
            <i className="dot" data-look={look} /> {LOOK_WORDS[look]}
          </li>
        ))}
      </ul>
    </section>
  )
}
