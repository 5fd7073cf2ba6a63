import type { Page } from './store.ts'

/** `waggle` in the browser's console, and what tests look at behind the pixels: reading only. */
export interface Behind {
  page?: () => Page
  /** where couriers are drawn at this moment: lng, lat by index */
  places?: () => Float32Array
  /** the wall time they are drawn for, ms */
  placesAt?: () => number
}

export const behind: Behind = {}

declare global {
  interface Window {
    waggle: Behind
  }
}
window.waggle = behind
