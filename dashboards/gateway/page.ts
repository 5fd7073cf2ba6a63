import { existsSync } from 'node:fs'
import { join } from 'node:path'
import fastifyStatic from '@fastify/static'
import type { App } from '../../ingest/io/http.ts'

/** The built page, and the headers that keep it to itself. */

const DIST = join(import.meta.dirname, '../web/dist')
const HOUR_S = 3_600
const FOREVER_S = 365 * 24 * HOUR_S

const MISSING = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Waggle</title>
<body style="font: 16px/1.5 system-ui; margin: 15vh auto; max-width: 34em">
<h1>The page is not built yet</h1><p>The gateway runs. Build the page once and load this again:</p>
<pre>npm run build:web</pre></body></html>`

/**
 * Scripts and styles come from here only. deck.gl makes workers and images from blobs, and sets styles of elements itself.
 * Sources: CSP level 3; MapLibre GL JS, "CSP directives".
 */
export function securityPolicy(basemap_origin: string | null): string {
  const basemap = basemap_origin === null ? '' : ` ${basemap_origin}`
  return [
    "default-src 'none'",
    "script-src 'self'",
    "worker-src 'self' blob:",
    "style-src 'self' 'unsafe-inline'",
    `img-src 'self' data: blob:${basemap}`,
    `font-src 'self' data:${basemap}`,
    `connect-src 'self' data: blob:${basemap}`,
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
}

/** @param basemap_url where tiles and styles may come from; null: nothing is asked off this gateway */
export function addPage(app: App, basemap_url: string | null, dist = DIST): void {
  const policy = securityPolicy(basemap_url && new URL(basemap_url).origin)
  app.addHook('onSend', async (_request, reply) => {
    reply.header('x-content-type-options', 'nosniff')
    reply.header('referrer-policy', 'no-referrer')
    if (!reply.hasHeader('content-security-policy')) reply.header('content-security-policy', policy)
  })
  if (!existsSync(join(dist, 'index.html'))) {
    app.get('/', async (_request, reply) => reply.code(503).type('text/html; charset=utf-8').send(MISSING))
    return
  }
  app.register(fastifyStatic, {
    root: dist,
    cacheControl: false,
    // Vite puts a hash of the content into the names of what lies in assets/.
    setHeaders: (reply, path) => {
      const hashed = path.startsWith(join(dist, 'assets/'))
      reply.header('cache-control', hashed ? `public, max-age=${FOREVER_S}, immutable` : 'no-cache')
    },
  })
}
