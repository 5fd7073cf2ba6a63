import { createRequire } from 'node:module'

const REPLACED = Symbol('replaced by Waggle')

/**
 * Puts our own function in the place of the one that a file of kafkajs exports, once for all clients of the process. kafkajs has no
 * public place for what we replace; its version is pinned. What has required the file before keeps the original.
 * @throws Error when kafkajs is another version than the one that is pinned
 */
export function replaceExport<Exported extends (...args: never[]) => unknown>(
  file: string,
  replacementOf: (original: Exported) => Exported,
): void {
  const require = createRequire(import.meta.url)
  const original = require(file) as Exported
  const module = require.cache[require.resolve(file)]
  if (!module) throw new Error(`kafkajs has no ${file}: is it another version than the one that is pinned?`)
  if (!(REPLACED in original)) module.exports = Object.assign(replacementOf(original), { [REPLACED]: true })
}
