import { describe, expect, it } from 'vitest'
import chicago from './basemap/chicago.json' with { type: 'json' }
import { fitLabels, LABEL_PX, type Label } from './labels.ts'

/** A plane of so many px a degree, north up. */
const plane = (scale: number) => ({ project: ([lng, lat]: [number, number]) => [scale * lng, -scale * lat] })
const label = (text: string, rank: number, lng: number, lat: number): Label => ({ text, rank, at: [lng, lat] })
const texts = (labels: readonly Label[]) => labels.map(one => one.text)

describe('labels', () => {
  it('gives way to what matters more, and comes back where there is room', () => {
    const labels = [label('Old Town', 2, 0, 0), label('Lincoln Park', 1, 0.01, 0.001), label('Uptown', 1, 0, 1)]
    expect(texts(fitLabels(labels, [], plane(1_000)))).toEqual(['Lincoln Park', 'Uptown'])
    expect(texts(fitLabels(labels, [], plane(20_000)))).toEqual(['Old Town', 'Lincoln Park', 'Uptown'])
  })

  it('leaves a warehouse its comb, its name, and the name of its quarter', () => {
    const store = { name: 'Lakeview Store', lng: 0, lat: 0 }
    const over = (lat: number) => fitLabels([label('Uptown', 1, 0, lat)], [store], plane(1_000)).length
    expect([over(0.06), over(0.01), over(-0.04), over(-0.06)]).toEqual([1, 0, 0, 1])
    expect(fitLabels([label('Loop', 1, 9, 9)], [{ name: 'Loop', lng: 0, lat: 0 }], plane(1_000))).toEqual([])
  })

  it('shows the lake and a dozen quarters of Chicago from afar, and no two of them closer than a line', () => {
    // As the whole network is seen: some 2 900 px a degree of longitude, and a third more of latitude.
    const view = { project: ([lng, lat]: [number, number]) => [2_900 * lng, -3_900 * lat] }
    const shown = fitLabels(chicago.labels as Label[], [], view)
    expect(texts(shown)).toContain('LAKE MICHIGAN')
    expect(shown.filter(one => one.rank === 1).length).toBeGreaterThan(12)
    for (const one of shown) {
      const [x = 0, y = 0] = view.project(one.at)
      const near = shown.filter(other => {
        const [u = 0, v = 0] = view.project(other.at)
        return other !== one && Math.abs(u - x) < 30 && Math.abs(v - y) < (LABEL_PX[one.rank] ?? 0)
      })
      expect(texts(near)).toEqual([])
    }
  })
})
