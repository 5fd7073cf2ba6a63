import type { Stage } from './stage.ts'

/** What the panels take at both sides, px. */
const SIDES = { left: 324, right: 372 }

/** The line and the legend below, px. */
const FOOT = 160

/** Puts a card beside its place where there is room between the panels, else below it; narrow screens make it a sheet by CSS. */
export function anchor(card: HTMLElement, stage: Stage, place: { lng: number; lat: number }): void {
  const view = stage.surface.view()
  const [x = 0, y = 0] = view.project([place.lng, place.lat])
  // Nobody knows yet where it is: the card stays.
  if (Number.isNaN(x + y)) return
  const { offsetWidth: width, offsetHeight: height } = card
  const right_most = view.width - SIDES.right - width
  const right = x + 34
  const left = x - 34 - width
  const beside = right <= right_most ? right : left >= SIDES.left ? left : undefined
  const top = beside === undefined ? y + 70 : y - height / 3
  const at = beside ?? Math.max(SIDES.left, Math.min(x - width / 2, right_most))
  card.style.setProperty('--x', `${at.toFixed(0)}px`)
  card.style.setProperty('--y', `${Math.max(76, Math.min(top, view.height - height - FOOT)).toFixed(0)}px`)
}
