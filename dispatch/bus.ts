import type { Changed } from './desk.ts'

/** Tells who listens in this process of every committed change. */
export interface Bus {
  emit(change: Changed): void
  /** @returns ends the subscription */
  subscribe(listener: (change: Changed) => void): () => void
}

export function openBus(): Bus {
  const listeners = new Set<(change: Changed) => void>()
  return {
    emit(change) {
      for (const listener of listeners) listener(change)
    },
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
