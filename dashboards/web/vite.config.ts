import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

/** `vite build dashboards/web` → dashboards/web/dist, which the gateway serves. `vite dashboards/web` proxies to a running gateway. */
const GATEWAY = 'http://127.0.0.1:4100'

export default defineConfig({
  plugins: [react()],
  base: './',
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: 'es2023',
    // deck.gl and luma.gl are one honest 800 kB chunk, loaded after the shell.
    chunkSizeWarningLimit: 1_200,
  },
  worker: { format: 'es' },
  server: { proxy: { '/api': GATEWAY, '/socket.io': { target: GATEWAY, ws: true } } },
})
