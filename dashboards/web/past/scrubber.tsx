import { useSyncExternalStore } from 'react'
import { hm, hms } from '../clock.ts'
import { useEscape } from '../keys.ts'
import type { Player, PlayerState } from './player.ts'

const usePlayer = (player: Player): PlayerState => useSyncExternalStore(player.subscribe, player.state)

/** The bar of the last half hour: a handle, play and pause, and the way back to now. */
export function Scrubber({ player }: { player: Player }) {
  const state = usePlayer(player)
  if (state.phase === 'live') return null
  return (
    <section className="scrubber" aria-label="The last half hour" data-phase={state.phase}>
      {state.phase === 'past' ? (
        <Bar player={player} state={state} />
      ) : (
        <p role="status">{state.phase === 'loading' ? 'Reading the last half hour …' : state.problem}</p>
      )}
      {state.phase === 'failed' && (
        <button type="button" className="quiet" onClick={player.enter}>
          Try again
        </button>
      )}
      <button type="button" className="primary live" onClick={player.live}>
        {state.phase === 'past' ? 'Back to live' : 'Stay live'}
      </button>
    </section>
  )
}

const STEP_MS = 5_000

function Bar({ player, state }: { player: Player; state: PlayerState }) {
  useEscape(player.live)
  const { from, to, time, playing, marks } = state
  const share = (at: number) => `${((100 * (at - from)) / (to - from)).toFixed(2)}%`
  return (
    <>
      <button
        type="button"
        className="play"
        aria-label={playing ? 'Pause the past' : 'Play the past'}
        onClick={() => player.play(!playing)}
      >
        {playing ? '❚❚' : '▶'}
      </button>
      <time className="from">{hm(from)}</time>
      <div className="track" style={{ '--at': share(time) } as React.CSSProperties}>
        <input
          type="range"
          aria-label="Time shown"
          aria-valuetext={hms(time)}
          min={from}
          max={to}
          step={STEP_MS}
          value={time}
          onChange={({ target }) => player.seek(Number(target.value))}
        />
        {marks.map(item => (
          <button
            key={item.id}
            type="button"
            className="mark"
            data-tone={item.tone}
            style={{ left: share(item.at) }}
            title={item.text}
            aria-label={`${hm(item.at)}: ${item.text}`}
            onClick={() => player.seek(item.at - STEP_MS)}
          />
        ))}
      </div>
      <time className="shown">{hms(time)}</time>
    </>
  )
}
