import { defineConfig } from 'vitest/config'

if (Number(process.versions.node.split('.')[0]) < 24) {
  throw new Error(
    `the tests run on Node 24, this is ${process.version}: use npm test, or put node_modules/.bin first in PATH`,
  )
}

const ignored = ['**/node_modules/**', '**/dist/**', '**/.waggle/**']
const real_servers = {
  globalSetup: ['world/servers/vitest-setup.ts'],
  testTimeout: 60_000,
  hookTimeout: 120_000,
  teardownTimeout: 60_000,
}

export default defineConfig({
  test: {
    // kafkajs's throttle timer warns on Node 24 and means nothing by it.
    execArgv: ['--disable-warning=TimeoutNegativeWarning'],
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          // Against an endless loop only: how long a property test takes says more of the machine than of the code.
          testTimeout: 120_000,
          include: ['**/*.test.ts'],
          maxWorkers: '100%', // they only compute
          exclude: [...ignored, '**/*.servers.test.ts', '**/*.browser.test.ts'],
        },
      },
      {
        extends: true,
        // They mostly wait: for sessions to end, for servers that come back. One at a time they took eleven minutes.
        test: { name: 'servers', include: ['**/*.servers.test.ts'], exclude: ignored, ...real_servers, maxWorkers: 2 },
      },
      {
        extends: true,
        // One page at a time: software rendering takes all the cores there are.
        test: {
          name: 'browser',
          include: ['**/*.browser.test.ts'],
          exclude: ignored,
          ...real_servers,
          // A click waits for frames that the processor draws.
          testTimeout: 180_000,
          fileParallelism: false,
        },
      },
    ],
  },
})
