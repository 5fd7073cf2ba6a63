/** For tests: kills the process at a named moment, the n-th time it comes: `after_insert:2`. Without a text: does nothing. */
export function failpoint<Name extends string>(text: string | undefined): (point: Name) => void {
  const [name, times] = (text ?? '').split(':')
  let left = Number(times)
  return point => {
    if (point !== name) return
    left -= 1
    if (left === 0) process.kill(process.pid, 'SIGKILL')
  }
}
