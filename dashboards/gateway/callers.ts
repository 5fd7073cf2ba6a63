import type { IncomingHttpHeaders } from 'node:http'
import type { Caller, Scope } from '../../ingest/contract.ts'
import type { TenantId } from '../../ingest/events/envelope.ts'
import { type Authenticate, isLoopback } from '../../ingest/io/keys.ts'
import { HttpProblem } from '../../ingest/io/problem.ts'

/** Who is behind a request or a socket: one rule for both, asked at every request and every connection. */
export interface CallerRules {
  authenticate: Authenticate
  tenant_id: TenantId
  /** no key asked: everybody is the operator */
  open: boolean
  /** the address this gateway listens on */
  host: string
}

/** Open by default only while nobody else can reach this gateway. */
export function callerRules(
  authenticate: Authenticate,
  tenant_id: TenantId,
  { host, dashboards_open }: { host: string; dashboards_open?: '0' | '1' },
): CallerRules {
  const open = dashboards_open === undefined ? isLoopback(host) : dashboards_open === '1'
  return { authenticate, tenant_id, open, host }
}

const OPERATOR = 'dispatcher:operator'
const OPERATOR_SCOPES: readonly Scope[] = ['dashboards', 'dispatch', 'orders']

/**
 * @param key from the page's handshake, where a browser cannot set headers
 * @throws HttpProblem 401, 403
 */
export function callerOf(rules: CallerRules, headers: IncomingHttpHeaders, scope: Scope, key?: string): Caller {
  const authorization = headers.authorization ?? (key === undefined ? undefined : `Bearer ${key}`)
  if (authorization === undefined && rules.open) return operator(rules, headers)
  const actor = headers['x-waggle-actor']
  const caller = rules.authenticate({ authorization, actor: Array.isArray(actor) ? actor[0] : actor })
  if (caller.tenant_id !== rules.tenant_id) {
    throw new HttpProblem(403, 'other_tenant', 'this gateway shows the network of another tenant')
  }
  if (!caller.scopes.includes(scope)) {
    throw new HttpProblem(403, 'scope_missing', `the key lacks the scope ${scope}: see scopes in WAGGLE_KEYS`)
  }
  return caller
}

/** A foreign page must not steer an open gateway through the visitor's browser, nor by a name that resolves to this machine. */
function operator(rules: CallerRules, headers: IncomingHttpHeaders): Caller {
  const here = headers.host ?? ''
  if (isLoopback(rules.host) && !isLoopback(hostnameOf(`http://${here}`))) {
    throw new HttpProblem(403, 'foreign_host', 'open this page by localhost or 127.0.0.1')
  }
  checkOrigin(headers)
  return { tenant_id: rules.tenant_id, actor: OPERATOR, scopes: OPERATOR_SCOPES }
}

/** Browsers send the origin with every socket and every command: it has to be our own page. */
export function checkOrigin({ origin, host }: IncomingHttpHeaders): void {
  if (origin === undefined || (URL.canParse(origin) && new URL(origin).host === host)) return
  throw new HttpProblem(403, 'foreign_origin', 'another site may not speak for this page')
}

function hostnameOf(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname.replace(/^\[(.*)\]$/, '$1') : ''
}
