import { ACTS, LEAD_S } from './acts.ts'
import { cuesOf } from './script.ts'
import { drawsOf, newRecord, type Playing, type SceneRecord, type SceneStage } from './stage.ts'

/** The script, played. A scene whose chance has not come waits a little for it, and then says why it did not happen. */

export interface Scenes {
  /** in the order of their cues; grows as the evening goes on */
  records: SceneRecord[]
}

/** scene s */
const PATIENCE_S = 12
const AGAIN_S = 1

export function playScenes(stage: SceneStage): Scenes {
  const records: SceneRecord[] = []
  stage.spawn(playAll(stage, records))
  return { records }
}

async function playAll(stage: SceneStage, records: SceneRecord[]): Promise<void> {
  for (let round = 1; ; round++) {
    for (const cue of cuesOf(stage.seed, round)) {
      await stage.wait(Math.max(0, cue.at_s - (LEAD_S[cue.scene] ?? 0) - stage.since_s()))
      const record = newRecord(cue)
      records.push(record)
      // One may take longer than it is until the next.
      stage.spawn(play({ ...stage, cue, record, draw: drawsOf(stage.seed, cue) }))
    }
  }
}

async function play(playing: Playing): Promise<void> {
  const { record, cue, wait, since_s } = playing
  for (;;) {
    const why = await ACTS[cue.scene](playing)
    record.why = why ?? null
    if (why === undefined) record.outcome = 'happened'
    else if (since_s() > cue.at_s + PATIENCE_S) record.outcome = 'did_not_happen'
    if (record.outcome !== 'waits') return
    await wait(AGAIN_S)
  }
}
