/** The sign of what goes wrong or comes from outside, on the map and in the panels: a pennant on its pole. */
export const SceneSign = () => (
  <svg className="scene-sign" viewBox="0 0 16 16" aria-hidden="true">
    <path d="M3.5 1.5V15M3.5 2.5 13.5 5.5 3.5 9z" />
  </svg>
)
