import { useEffect, useState } from 'react'
import type { CourierChoice, CourierChoices } from '../../dispatch/contract.ts'
import type { OrderDetail } from '../contract.ts'
import { minutes } from './clock.ts'
import { type Command, Refusal, useCommand } from './command.tsx'
import { type Answer, cancelOrder, fetchCouriers, reassignOrder } from './io/api.ts'
import { useEscape } from './keys.ts'
import { isClosed, metres } from './words.ts'

/** Cancel and reassign. Both go out with what the person saw; who comes second is told what changed. */
interface ActionsProps {
  order: OrderDetail
  look: () => void
}

const CANCEL_REASONS = {
  customer_request: 'The customer asked for it',
  cannot_be_served: 'It cannot be served',
  placed_twice: 'It was placed twice',
} as const

const WHY_NOT: Record<NonNullable<CourierChoice['why_not']>, string> = {
  off: 'off duty',
  under_way: 'on the way',
  unreachable: 'unreachable',
  on_break: 'on a break',
  returning: 'bringing goods back',
  requirement: 'not equipped',
  full: 'full',
  declined: 'declined it',
  on_trip: 'has it',
}
const WHEN: Record<CourierChoice['onto'], string> = { new: 'free', present: 'goes there', next: 'next trip' }
const CHOICES_MAX = 10

/** Before it is on the way an order can be given to another courier; cancelling ends there too. */
const CAN_MOVE = new Set(['routed', 'picking', 'packed'])

export function OrderActions({ order, look }: ActionsProps) {
  const [wanted, setOpen] = useState<'cancel' | 'reassign' | null>(null)
  const [done, setDone] = useState<string | null>(null)
  const command = useCommand()
  if (isClosed(order.state)) return null
  const finish = (text: string) => () => {
    setOpen(null)
    setDone(text)
    look()
  }
  const open = order.state === 'picked_up' ? null : wanted
  const show = (what: typeof wanted) => {
    command.forget()
    setDone(null)
    setOpen(what)
  }
  return (
    <section className="actions">
      {command.refused && (
        <Refusal
          refused={command.refused}
          onAgain={() => {
            command.forget()
            look()
          }}
        />
      )}
      {done && <p role="status">{done}</p>}
      {open === null && (
        <div className="row">
          <button
            type="button"
            className="primary"
            disabled={!CAN_MOVE.has(order.state)}
            onClick={() => show('reassign')}
          >
            {order.courier_id ? 'Reassign' : 'Assign a courier'}
          </button>
          <button type="button" className="quiet" disabled={order.state === 'picked_up'} onClick={() => show('cancel')}>
            Cancel order
          </button>
        </div>
      )}
      {order.state === 'picked_up' && (
        <p className="dim small">It is on the way: it can no longer be moved or cancelled.</p>
      )}
      {open === 'cancel' && (
        <Cancel order={order} command={command} onDone={finish('Cancelled.')} onBack={() => show(null)} />
      )}
      {open === 'reassign' && (
        <Reassign
          order={order}
          command={command}
          onDone={finish('Given to another courier.')}
          onBack={() => show(null)}
        />
      )}
    </section>
  )
}

interface StepProps {
  order: OrderDetail
  command: Command
  onDone: () => void
  onBack: () => void
}

function Cancel({ order, command, onDone, onBack }: StepProps) {
  const [reason, setReason] = useState<keyof typeof CANCEL_REASONS>('customer_request')
  useEscape(onBack)
  return (
    <fieldset disabled={command.busy}>
      <legend>Cancel this order because</legend>
      {Object.entries(CANCEL_REASONS).map(([key, text]) => (
        <label key={key}>
          <input
            type="radio"
            name="reason"
            checked={reason === key}
            onChange={() => setReason(key as keyof typeof CANCEL_REASONS)}
          />
          {text}
        </label>
      ))}
      <div className="row">
        <button
          type="button"
          className="danger"
          onClick={() => command.run(() => cancelOrder(order.order_id, reason), onDone)}
        >
          {command.busy ? 'Cancelling …' : 'Cancel the order'}
        </button>
        <button type="button" className="quiet" onClick={onBack}>
          Keep it
        </button>
      </div>
    </fieldset>
  )
}

function Reassign({ order, command, onDone, onBack }: StepProps) {
  const [answer, setAnswer] = useState<Answer<CourierChoices> | null>(null)
  // The version this person decides on is the one on the screen when the list was opened.
  const [version] = useState(order.version)
  useEscape(onBack)
  useEffect(() => {
    let old = false
    void fetchCouriers(order.order_id).then(next => !old && setAnswer(next))
    return () => {
      old = true
    }
  }, [order.order_id])
  const all = answer?.ok ? [...answer.body.best, ...answer.body.others] : []
  const choices = all.filter(choice => choice.courier_id !== order.courier_id).slice(0, CHOICES_MAX)
  return (
    <fieldset disabled={command.busy}>
      <legend>Give it to</legend>
      {answer === null && <p className="dim">Looking for couriers nearby …</p>}
      {answer?.ok === false && <Refusal refused={answer} />}
      {answer?.ok && choices.length === 0 && (
        <p className="empty">No courier is on shift nearby. Try again in a moment.</p>
      )}
      {choices.length > 0 && !choices.some(choice => choice.free) && (
        <p className="empty">Nobody nearby is free at the moment; look again in a minute.</p>
      )}
      <ul className="choices">
        {choices.map(choice => (
          <li key={choice.courier_id}>
            <button
              type="button"
              disabled={!choice.free}
              title={choice.why}
              onClick={() => command.run(() => reassignOrder(order.order_id, choice, version), onDone)}
            >
              <b>{choice.courier_id}</b>
              <span className="dim">{metres(choice.distance_m)}</span>
              <span className="dim">{minutes(choice.eta_s)}</span>
              <span className={choice.free ? 'free' : 'dim'}>
                {choice.free ? WHEN[choice.onto] : WHY_NOT[choice.why_not ?? 'on_trip']}
              </span>
            </button>
          </li>
        ))}
      </ul>
      <button type="button" className="quiet" onClick={onBack}>
        Leave it as it is
      </button>
    </fieldset>
  )
}
