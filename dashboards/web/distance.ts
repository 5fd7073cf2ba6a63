const METRES_PER_DEGREE = 111_195
/** Metres as the crow flies, for reading only: plane, good to a percent within a city. Decisions use ingest's. */
export function distanceMeters(a: { lng: number; lat: number }, b: { lng: number; lat: number }): number {
  const east = (a.lng - b.lng) * Math.cos((a.lat * Math.PI) / 180)
  return METRES_PER_DEGREE * Math.hypot(a.lat - b.lat, east)
}
