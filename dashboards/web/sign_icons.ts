import type { SignKind } from './signs.ts'
import type { Palette, Rgb } from './theme.ts'

/** The drawings of the short signs: strokes in a box of 24, the same on the map and in the legend. */
export const SIGN_PATHS: Record<SignKind, string> = {
  delivered: 'M7 12.6 10.6 16.2 17.2 8.6',
  rerouted: 'M7.2 13.6a5 5 0 0 1 8.6-4.2M16.2 6.4 16.2 9.8 12.8 9.8M16.8 13.2a5 5 0 0 1-3.2 3.4',
  reassigned: 'M7 9.6H16.4M13.8 7 16.6 9.6 13.8 12.2M17 15H7.6M10.2 12.6 7.4 15 10.2 17.6',
  refused: 'M8.2 8.2 15.8 15.8M15.8 8.2 8.2 15.8',
  cancelled: 'M7.6 12H16.4',
}

export const signColour = (kind: SignKind, { looks, moved }: Palette): Rgb =>
  kind === 'rerouted' || kind === 'reassigned' ? moved : looks[kind]

const SIDE = 24
const PIXELS = 72

export interface SignAtlas {
  image: HTMLCanvasElement
  mapping: Record<SignKind, { x: number; y: number; width: number; height: number; mask: false }>
}

/** All signs of a palette side by side in one picture, drawn once a palette. */
export function signAtlas(palette: Palette): SignAtlas {
  const kinds = Object.keys(SIGN_PATHS) as SignKind[]
  const image = document.createElement('canvas')
  image.width = PIXELS * kinds.length
  image.height = PIXELS
  const context = image.getContext('2d')
  if (!context) throw new Error('this browser draws no canvas')
  kinds.forEach((kind, i) => {
    context.setTransform(PIXELS / SIDE, 0, 0, PIXELS / SIDE, i * PIXELS, 0)
    drawSign(context, kind, palette)
  })
  const box = (i: number) => ({ x: i * PIXELS, y: 0, width: PIXELS, height: PIXELS, mask: false }) as const
  return { image, mapping: Object.fromEntries(kinds.map((kind, i) => [kind, box(i)])) as SignAtlas['mapping'] }
}

function drawSign(context: CanvasRenderingContext2D, kind: SignKind, palette: Palette): void {
  const edge = css(palette.land)
  context.beginPath()
  context.arc(SIDE / 2, SIDE / 2, 10.2, 0, 2 * Math.PI)
  context.fillStyle = css(signColour(kind, palette))
  context.fill()
  context.lineWidth = 1.6
  context.strokeStyle = edge
  context.stroke()
  context.lineWidth = 2.4
  context.lineCap = 'round'
  context.lineJoin = 'round'
  context.stroke(new Path2D(SIGN_PATHS[kind]))
}

const css = ([r, g, b]: Rgb) => `rgb(${r} ${g} ${b})`
