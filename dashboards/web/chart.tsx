import { ResponsiveLine } from '@nivo/line'
import type { MinutePoint } from '../contract.ts'
import { hm } from './clock.ts'
import type { Palette } from './theme.ts'

/** Orders a minute. At most 120 points a line (nivo's SVG freezes near 1,000); it is drawn anew every few seconds only. */
interface ChartProps {
  minutes: readonly MinutePoint[]
  palette: Palette
}

const SERIES = ['placed', 'delivered', 'rejected'] as const
const POINTS_MAX = 120

export default function Chart({ minutes, palette }: ChartProps) {
  const points = minutes.slice(-POINTS_MAX)
  const text = palette.name === 'dark' ? '#9fb0bb' : '#55616a'
  const line = palette.name === 'dark' ? '#26323b' : '#e2dccd'
  const colours = [`rgb(${palette.demand})`, `rgb(${palette.looks.delivered})`, `rgb(${palette.looks.refused})`]
  return (
    <ResponsiveLine
      data={SERIES.map(id => ({ id, data: points.map(point => ({ x: new Date(point.minute), y: point[id] })) }))}
      colors={colours}
      margin={{ top: 8, right: 18, bottom: 22, left: 28 }}
      xScale={{ type: 'time', format: 'native', precision: 'minute', useUTC: true }}
      yScale={{ type: 'linear', min: 0, max: 'auto', nice: 3 }}
      axisBottom={{ tickValues: 4, tickSize: 0, tickPadding: 8, format: value => hm(Number(value)) }}
      axisLeft={{ tickValues: 3, tickSize: 0, tickPadding: 6 }}
      gridYValues={3}
      enableGridX={false}
      enablePoints={false}
      lineWidth={1.75}
      curve="monotoneX"
      animate={false}
      enableSlices="x"
      sliceTooltip={({ slice }) => (
        <div className="chart-tip">
          <b>{hm(Number(slice.points[0]?.data.x ?? 0))}</b>
          {slice.points.map(point => (
            <span key={point.id}>
              <i style={{ background: point.seriesColor }} />
              {String(point.seriesId)} <b>{String(point.data.y)}</b>
            </span>
          ))}
        </div>
      )}
      theme={{
        background: 'transparent',
        text: { fontFamily: 'inherit', fontSize: 12, fill: text },
        axis: { ticks: { text: { fontFamily: 'inherit', fontSize: 12, fill: text } } },
        grid: { line: { stroke: line, strokeWidth: 1 } },
        crosshair: { line: { stroke: text, strokeWidth: 1, strokeOpacity: 0.6 } },
      }}
    />
  )
}
