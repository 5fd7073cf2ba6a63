import type { Accounts } from './accounts.ts'
import type { OrderCounts } from './accounts_orders.ts'
import type { SceneRecord } from './city/scenes/stage.ts'

/** What the demo says on the terminal: steps with their seconds, then one line that is written over. */
export interface Screen {
  line(text: string): void
  /** Says what is done and how long it took. */
  step<Result>(what: string, work: () => Promise<Result>): Promise<Result>
  /** The live line: replaced on a terminal; elsewhere a new one now and then. */
  status(text: string): void
}

const STATUS_EVERY_MS = 10_000

export function openScreen(out: NodeJS.WriteStream): Screen {
  const began = performance.now()
  let live = false
  let told_at = Number.NEGATIVE_INFINITY
  const clear = (): void => {
    if (live) out.write('\r\x1b[K')
    live = false
  }
  const line = (text: string): void => {
    clear()
    out.write(`${text}\n`)
  }
  return {
    line,
    async step(what, work) {
      const started = performance.now()
      const result = await work()
      line(
        `${`${seconds(performance.now() - began)} s`.padStart(8)}  ${what} (${seconds(performance.now() - started)} s)`,
      )
      return result
    },
    status(text) {
      if (out.isTTY) {
        out.write(`\r\x1b[K${text.slice(0, Math.max(20, (out.columns ?? 120) - 1))}`)
        live = true
      } else if (performance.now() - told_at > STATUS_EVERY_MS) {
        told_at = performance.now()
        line(text)
      }
    },
  }
}

const seconds = (ms: number): string => (ms / 1_000).toFixed(1)

/** What the gateway's GET /api/stats says, as far as the line needs it. */
export interface Figures {
  counters: {
    placed: number
    routed: number
    rejected: number
    delivered: number
    late: number
    open: number
    events_per_s: number
  }
  lag_ms_max: number
  event_to_screen_ms_p50: number | null
  as_of: number
}

export function statusLine(figures: Figures, time_zone: string): string {
  const { placed, routed, rejected, delivered, late, open, events_per_s } = figures.counters
  const clock = new Intl.DateTimeFormat('en-GB', { timeZone: time_zone, timeStyle: 'short' }).format(figures.as_of)
  const screen = figures.event_to_screen_ms_p50
  return [
    clock,
    `${placed} orders`,
    `${routed} routed`,
    `${rejected} rejected`,
    `${delivered} delivered (${late} late)`,
    `${open} on their way`,
    `${Math.round(events_per_s)} events/s`,
    `lag ${Math.round(figures.lag_ms_max)} ms`,
    screen === null ? 'no page open' : `event→screen ${Math.round(screen)} ms`,
  ].join(' · ')
}

export function accountsText({ balanced, faults, orders, etas, events, waited_ms }: Accounts): string {
  const reasons = Object.entries(orders.rejected_by_reason).map(([reason, count]) => `${reason} ${count}`)
  const { placed, routed, rejected, cancelled_before_routing, open, delivered, late, cancelled, failed, in_progress } =
    orders
  return [
    '',
    `${placed} placed = ${routed} routed + ${rejected} rejected + ${cancelled_before_routing} cancelled before routing + ${open} open`,
    `${routed} routed = ${delivered} delivered + ${cancelled} cancelled + ${failed} failed + ${in_progress} in progress, of these ${orders.waiting} packed that nobody has fetched`,
    `${late} late, ${orders.passed_over} not to the nearest, ${orders.rerouted} rerouted, ${orders.shortened} shortened; rejected: ${reasons.join(', ') || 'none'}`,
    `${orders.left_by_courier} left by their courier, ${orders.reassigned} given by hand`,
    ...Object.entries(etas).map(etaText),
    ...Object.entries(events).map(
      ([topic, { records, usable, dead, rows }]) =>
        `${topic}: ${records} records in Kafka = ${usable} usable + ${dead} dead; ${rows} rows in ClickHouse`,
    ),
    balanced ? `The accounts balance (after ${waited_ms} ms).` : `The accounts do NOT balance:`,
    ...faults.map(fault => `  ${fault}`),
  ].join('\n')
}

const etaText = ([phase, { arrivals, inside, width_s, off_s }]: [string, Accounts['etas'][string]]): string =>
  `${phase.replace('_', ', ')}: ${Math.round(100 * (inside ?? 0))} % of ${arrivals} arrivals within the first bounds, ${width_s} s wide; ${off_s} s off`

/** One line: when it was, and what became of the orders that it touched, without what was not. */
export function sceneText(scene: SceneRecord & { orders: OrderCounts | undefined }): string {
  const { began_s, due_s, why, orders } = scene
  const at_s = Math.round(began_s ?? due_s)
  const at = `${Math.floor(at_s / 60)}:${String(at_s % 60).padStart(2, '0')}`
  const name = scene.scene.replaceAll('_', ' ')
  if (scene.outcome !== 'happened') return `${at} ${name}: ${why === null ? 'not over yet' : `did not happen, ${why}`}`
  const { rejected_by_reason, ...counts } = orders ?? { rejected_by_reason: {} }
  const told = [
    ...Object.entries(counts).filter(([what]) => what !== 'rejected'),
    ...Object.entries(rejected_by_reason),
  ]
  const words = told.filter(([, count]) => count > 0).map(([what, count]) => `${count} ${what.replaceAll('_', ' ')}`)
  return `${at} ${name}: ${words.join(', ') || 'no order was touched'}`
}
