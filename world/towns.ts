import { statSync } from 'node:fs'
import { basename } from 'node:path'
import { chicagoEvening } from './city/evening.ts'
import type { Town } from './city/town.ts'
import { preparationMeans, readDay } from './days/day.ts'
import { dayTown } from './days/day_town.ts'
import { readRecording } from './days/recording.ts'
import { replayTown } from './days/replay_town.ts'
import { readStores } from './days/stores.ts'
import { storesTown } from './days/stores_town.ts'

/** What the demo plays: the made-up evening, or what somebody has recorded. */
export type TownChoice =
  | { kind: 'evening'; orders_per_min: number; couriers: number }
  | { kind: 'stores'; path: string; from_minute: number | undefined }
  | { kind: 'day'; path: string; from_minute: number | undefined }
  | { kind: 'replay'; path: string }

/** @throws Error that names the file, line and field that can't be used */
export function townOf(choice: TownChoice, seed: number): Town {
  if (choice.kind === 'evening') return chicagoEvening({ ...choice, seed, run: `evening-${seed}` })
  const { path } = choice
  const there = statSync(path, { throwIfNoEntry: false })
  if (there === undefined) throw new Error(`there is no ${path}`)
  const wanted = choice.kind === 'day' ? 'folder' : 'file'
  if (there.isDirectory() !== (wanted === 'folder')) throw new Error(`${path} is not a ${wanted}`)
  if (choice.kind === 'replay') return replayTown(readRecording(path))
  const { from_minute } = choice
  if (choice.kind === 'stores') {
    const name = basename(path).replace(/\.[^.]*$/, '')
    return storesTown(readStores(path), { name, seed, from_minute })
  }
  const day = readDay(path)
  return dayTown(day, { from_minute, preparation_min: preparationMeans(path, day) })
}
