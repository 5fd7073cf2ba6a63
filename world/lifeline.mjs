/**
 * Loaded before a script that world/setup.mjs or world/test.ts starts: when they are gone, killed outright even, the channel between
 * closes and the script gets the same SIGTERM as from a person who wants it to end.
 */
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'))
process.channel?.unref() // it must not keep the script alive
