/** How much may move: what the person wishes, and what the machine can bear. */

export const wantsLessMotion = () => matchMedia('(prefers-reduced-motion: reduce)').matches

/**
 * Without a GPU every pixel is a matter of the processor: test runners, remote desktops. Then the map's edges are not smoothed
 * (four times less to fill), it is drawn once or twice a second, and nothing else on the page is animated.
 */
export const drawsInSoftware = (() => {
  let known: boolean | undefined
  return () => {
    known ??= /swiftshader|llvmpipe|software/i.test(rendererName())
    return known
  }
})()

function rendererName(): string {
  const context = document.createElement('canvas').getContext('webgl2')
  if (!context) return ''
  const names = context.getExtension('WEBGL_debug_renderer_info')
  const name = String(context.getParameter(names?.UNMASKED_RENDERER_WEBGL ?? context.RENDERER))
  context.getExtension('WEBGL_lose_context')?.loseContext()
  return name
}

/** For what moves only to please: flights of the map, panels that slide in. */
export const spareMotion = () => wantsLessMotion() || drawsInSoftware()
