import { expect, test } from 'vitest'
import { DEMO_EXPLAINED } from './demo_explain.ts'
import { DEMO_HELP, readDemoOptions } from './demo_options.ts'

test('what is not chosen is the evening in Chicago', () => {
  expect(readDemoOptions([])).toMatchObject({
    ...{ speed: 10, seed: 1, for_s: undefined, json: false, help: false, explain: false },
    town: { kind: 'evening', orders_per_min: 9, couriers: 180 },
  })
})

test('what is switched on is on', () => {
  for (const name of ['calm', 'json', 'explain', 'help'] as const)
    expect([readDemoOptions([`--${name}`])[name], readDemoOptions([])[name]]).toEqual([true, false])
})

test('a day and stores begin with their busiest hour, or when it is said', () => {
  expect(readDemoOptions(['--day', '/x/monday']).town).toEqual({
    kind: 'day',
    path: '/x/monday',
    from_minute: undefined,
  })
  expect(readDemoOptions(['--stores', '/x/s.txt', '--from', '9:05', '--seed', '3'])).toMatchObject({
    ...{ seed: 3, town: { kind: 'stores', path: '/x/s.txt', from_minute: 545 } },
  })
})

test.each([
  [['--stores', 'a', '--day', 'b'], '--stores and --day exclude each other'],
  [['--stores', 'a', '--rate', '9'], '--stores and --rate exclude each other'],
  [['--day', 'a', '--couriers', '180'], '--day and --couriers exclude each other'],
  [['--day', 'a', '--seed', '1'], '--day and --seed exclude each other'],
  [['--replay', 'a', '--day', 'b'], '--replay and --day exclude each other'],
  [['--replay', 'a', '--from', '12:00'], '--replay and --from exclude each other'],
  [['--from', '12:00'], '--from goes with --stores or --day'],
  [['--day', 'a', '--from', '24:00'], '--from is a time of day'],
  [['--day', 'a', '--from', 'noon'], '--from is a time of day'],
])('%j is refused with a sentence', (args, sentence) => {
  expect(() => readDemoOptions(args)).toThrow(sentence)
})

test('the help names every option, and what is explained has ten lines', () => {
  for (const name of [
    'stores',
    'day',
    'replay',
    'from',
    'speed',
    'seed',
    'rate',
    'couriers',
    'for',
    'data',
    'json',
    'explain',
  ]) {
    expect(DEMO_HELP).toContain(`\n  --${name} `)
  }
  expect(DEMO_EXPLAINED.trimEnd().split('\n')).toHaveLength(10)
})
