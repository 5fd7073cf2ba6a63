/** What is under a pointer: the nearest of some hundred projected points. Cheaper than a second rendering on the GPU. */
export interface Projects {
  project: (lng_lat: [number, number]) => number[]
}

const WITHIN_PX = 14

/** The row nearest to (x, y), at most 14 px away; −1: none. NaN positions are nowhere. */
export function nearest(view: Projects, position: Float32Array, x: number, y: number): { row: number; px: number } {
  let row = -1
  let least = WITHIN_PX
  for (let i = 0; 2 * i < position.length; i++) {
    const lng = position[2 * i] ?? Number.NaN
    const lat = position[2 * i + 1] ?? Number.NaN
    if (Number.isNaN(lng) || Number.isNaN(lat) || (lng === 0 && lat === 0)) continue
    const [px, py] = view.project([lng, lat])
    const away = Math.hypot((px ?? Number.NaN) - x, (py ?? Number.NaN) - y)
    if (away < least) {
      least = away
      row = i
    }
  }
  return { row, px: least }
}
