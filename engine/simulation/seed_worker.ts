import { type EpisodeOptions, runEpisode } from './episode.ts'
import type { EpisodeMessage } from './run_seeds.ts'

/** A process that runs the seeds which it is sent, one at a time. */
process.on('message', async (options: EpisodeOptions) => {
  const episode = await runEpisode(options)
  const message: EpisodeMessage = { ...episode, faults: [...episode.faults], counts: [...episode.counts] }
  process.send?.(message)
})
// The parent is gone, or has no more seeds.
process.once('disconnect', () => process.exit(0))
