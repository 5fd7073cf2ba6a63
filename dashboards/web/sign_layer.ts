import type { Layer } from '@deck.gl/core'
import { IconLayer } from '@deck.gl/layers'
import type { SignAtlas } from './sign_icons.ts'
import { type Sign, signLook } from './signs.ts'

/** Some dozen signs at the most, so plain rows do: what changes with each frame are three small columns. */
const SIZE_PX = 21

export function signLayer(signs: readonly Sign[], atlas: SignAtlas, wall_ms: number, still: boolean): Layer {
  const lookOf = (sign: Sign) => signLook(wall_ms - sign.began_wall_ms, still)
  return new IconLayer<Sign>({
    id: 'signs',
    data: signs,
    // A canvas is an image source to deck.gl; its types name only two of those it takes.
    ...({ iconAtlas: atlas.image } as object),
    iconMapping: atlas.mapping,
    getIcon: sign => sign.kind,
    getPosition: sign => [sign.lng, sign.lat],
    getSize: sign => SIZE_PX * lookOf(sign).scale,
    getColor: sign => [255, 255, 255, 255 * lookOf(sign).opacity],
    // Beside the door, so that the dot under it can still be seen and hit.
    getPixelOffset: sign => [0, -12 - lookOf(sign).rise],
    updateTriggers: { getSize: wall_ms, getColor: wall_ms, getPixelOffset: wall_ms },
    parameters: { depthCompare: 'always' },
  })
}
