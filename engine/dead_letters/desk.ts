import { randomUUIDv7 } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { topicName } from '../../ingest/contract.ts'
import { topicEnds } from '../../ingest/io/kafka.ts'
import { openProducer } from '../../ingest/io/producer.ts'
import { openRanges } from '../../ingest/io/ranges.ts'
import { step } from '../../ingest/io/service.ts'
import { Misuse, type Output, openProgress, reasonOf, type Tool } from '../command.ts'
import type { Connection } from '../connection.ts'
import { readRedrives } from '../io/redrives.ts'
import { dropRepeats, isWanted, type Letter, letterOf } from './letters.ts'
import { HELP, idsOf, type Options, readOptions } from './options.ts'
import { needsALook, planRedrive } from './redrive.ts'
import { sendAgain } from './send_again.ts'
import { countsText, letterJson, letterText, listText, type Told, tell } from './show.ts'

/** What is done at the desk of dead letters: list, show, redrive. */
export const DEAD_LETTERS: Tool<Options> = {
  name: 'dead-letters',
  help: HELP,
  parse: args => readOptions(args, Date.now()),
  work: atTheDesk,
}

/** All letters that Kafka has, each once, in the order of the log they came from. */
async function readLetters({ kafka, namespace }: Connection): Promise<Letter[]> {
  const topic = topicName(namespace, 'dead-letters')
  const ends = await step(`find the topic ${topic} (WAGGLE_NAMESPACE)`, () => topicEnds(kafka, topic))
  const ranges = ends.map(({ low, high }, partition) => ({ topic, partition, from: low, to: high }))
  const total = ranges.reduce((sum, { from, to }) => sum + to - from, 0)
  const progress = openProgress('reading dead letters', total)
  await using reading = await openRanges(kafka, namespace, ranges)
  const letters: Letter[] = []
  const readOne = async (partition: number) => {
    for await (const messages of reading.read(topic, partition)) {
      for (const message of messages) {
        const letter = letterOf(message, namespace)
        if (letter) letters.push(letter)
      }
      progress.add(messages.length)
    }
  }
  await Promise.all(ranges.map(({ partition }) => readOne(partition)))
  progress.end()
  return dropRepeats(letters)
}

async function readTold(connection: Connection): Promise<Told[]> {
  const [letters, redrives] = await Promise.all([
    readLetters(connection),
    step('read the table dead_letter_redrives (is the database migrated?)', () =>
      readRedrives(connection.pool, connection.namespace),
    ),
  ])
  return tell(letters, redrives)
}

/** @returns the exit code */
async function atTheDesk(connection: Connection, options: Options, output: Output): Promise<number> {
  const ids = idsOf(options, connection.namespace)
  const told = await readTold(connection)
  if (options.command === 'list') return list(told, options, output)
  if (options.command === 'show') return show(found(told, ids), options, output)
  return redrive(connection, options.all ? waiting(told, options, output) : found(told, ids), options, output)
}

function list(told: readonly Told[], { wanted, limit, json }: Options, { print }: Output): number {
  const all = told.filter(({ letter }) => isWanted(letter, wanted))
  const shown = all.slice(0, limit)
  if (json) {
    for (const one of shown) print(JSON.stringify(letterJson(one)))
    return 0
  }
  if (all.length === 0) {
    print('no dead letters')
    return 0
  }
  print(listText(shown))
  print('')
  const more = all.length > shown.length ? ` (the first ${shown.length} shown: --limit)` : ''
  print(`${all.length} dead letters${more}: ${countsText(all)}`)
  return 0
}

function show([one]: readonly Told[], { json, raw }: Options, { print, write }: Output): number {
  if (!one) return 1
  if (raw) write(one.letter.value)
  else print(json ? JSON.stringify(letterJson(one)) : letterText(one))
  return 0
}

function found(told: readonly Told[], ids: readonly string[]): Told[] {
  const byId = new Map(told.map(one => [one.letter.id, one]))
  return ids.map(id => {
    const one = byId.get(id)
    if (!one) throw new Error(`there is no dead letter ${id}: see "npm run dead-letters -- list"`)
    return one
  })
}

/** What `--all` sends: nothing twice, and nothing that nobody has looked at and should. */
function waiting(told: readonly Told[], { wanted, limit }: Options, { tell: say }: Output): Told[] {
  const asked = told.filter(({ letter, redrive }) => isWanted(letter, wanted) && !redrive?.published_at)
  const careful = asked.filter(({ letter }) => wanted.reason !== undefined || !needsALook(letter))
  const passed_over = asked.length - careful.length
  if (passed_over > 0) {
    say(
      `${passed_over} of too_late_to_tell are passed over: they may have been applied before. ` +
        'Look at them, and name them or --reason too_late_to_tell',
    )
  }
  return careful.slice(0, limit)
}

async function redrive(
  connection: Connection,
  told: readonly Told[],
  options: Options,
  output: Output,
): Promise<number> {
  const { print } = output
  const edited = options.edit === undefined ? null : await readEdited(options.edit)
  if (options.dry_run) return dryRun(connection, told, edited, output)
  const { kafka, pool, namespace } = connection
  const { actor, note, json } = options
  const producer = await openProducer(kafka)
  const sender = { kafka, producer, pool, namespace, actor, note }
  const counts = { sent: 0, before: 0, failed: 0 }
  try {
    for (const { letter } of told) {
      const outcome = await sendAgain(sender, letter, edited).catch((error: unknown) => ({ failed: reasonOf(error) }))
      if ('failed' in outcome) counts.failed += 1
      else if (outcome.by_us) counts.sent += 1
      else counts.before += 1
      print(json ? JSON.stringify(outcomeJson(letter, outcome)) : outcomeText(letter, outcome))
    }
  } finally {
    await producer.close()
  }
  const { sent, before, failed } = counts
  if (!json) print(`${sent} sent again · ${before} had been sent before · ${failed} failed`)
  return failed > 0 ? 1 : 0
}

async function readEdited(file: string): Promise<Buffer> {
  try {
    return await readFile(file)
  } catch (error) {
    throw new Misuse(`--edit ${file}: ${reasonOf(error)}`)
  }
}

type Outcome = Awaited<ReturnType<typeof sendAgain>> | { failed: string }

function outcomeText(letter: Letter, outcome: Outcome): string {
  if ('failed' in outcome) return `${letter.id}  failed: ${outcome.failed}`
  const { row, offset, by_us } = outcome
  const target = `${row.target_topic}/${row.target_partition}/${offset}`
  if (!by_us) return `${letter.id}  was sent to ${target} by ${row.actor} before: nothing done`
  const id = row.former_event_id ? `, with the new event_id ${row.event_id}` : ''
  return `${letter.id}  sent to ${target}${row.edited ? ', edited' : ''}${id}`
}

function outcomeJson(letter: Letter, outcome: Outcome) {
  if ('failed' in outcome) return { id: letter.id, status: 'failed', detail: outcome.failed }
  const { row, offset, by_us } = outcome
  const { target_topic, target_partition, actor, event_id, former_event_id, edited } = row
  const target = { target_topic, target_partition, target_offset: offset }
  return { id: letter.id, status: by_us ? 'sent' : 'sent_before', ...target, actor, event_id, former_event_id, edited }
}

async function dryRun(
  { kafka, namespace }: Connection,
  told: readonly Told[],
  edited: Buffer | null,
  { print }: Output,
): Promise<number> {
  for (const { letter, redrive } of told) {
    if (redrive?.published_at) {
      print(`${letter.id}  was sent again before: nothing would be done`)
      continue
    }
    const { length } = await topicEnds(kafka, topicName(namespace, letter.topic))
    const plan = planRedrive(letter, edited, { partitions: length, now: Date.now(), newId: randomUUIDv7 })
    const id = plan.former_event_id ? ', with a new event_id' : ''
    print(`${letter.id}  would be sent to ${plan.topic}/${plan.partition}${id}`)
  }
  return 0
}
