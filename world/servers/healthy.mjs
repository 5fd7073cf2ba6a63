/** `node healthy.mjs URL`: exit code 0 when it answers with 2xx within 4 s. For health checks in images that have no curl. */
const url = process.argv[2] ?? ''
const ok = await fetch(url, { signal: AbortSignal.timeout(4_000) }).then(
  answer => answer.ok,
  () => false,
)
process.exitCode = ok ? 0 : 1
