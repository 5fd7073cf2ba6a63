import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** Small days and stores made up here, as files, for the tests of what reads and plays them. */

export const DAY_FILES = {
  'instance_parameters.txt': `meters_per_minute\tpickup service minutes\tdropoff service minutes
300\t4\t2`,
  'restaurants.txt': `restaurant\tx\ty
r1\t0\t0
r2\t3000\t0`,
  'orders.txt': `order\tx\ty\tplacement_time\trestaurant\tready_time
o1\t1000\t1000\t10\tr1\t25
o2\t2000\t500\t100\tr2\t110
o3\t1500\t0\t130\tr1\t150
o4\t0\t2000\t131\tr1\t141
o5\t2500\t-1500\t170\tr2\t175`,
  'couriers.txt': `courier\tx\ty\ton_time\toff_time
c1\t0\t0\t0\t90
c2\t0\t500\t60\t240
c3\t3000\t500\t160\t300`,
}
export type DayFile = keyof typeof DAY_FILES

/** @param changes file → [what stands there, what is to stand there]. @returns the folder */
export function dayDir(changes: Partial<Record<DayFile, readonly [string, string]>> = {}): string {
  const dir = join(folder(), 'a-day')
  mkdirSync(dir)
  for (const [name, text] of Object.entries(DAY_FILES)) {
    const [before, after] = changes[name as DayFile] ?? ['', '']
    if (!text.includes(before)) throw new Error(`${name} has no ${before} to change`)
    writeFileSync(join(dir, name), `${text.replace(before, after)}\n`)
  }
  return dir
}

const STORES_FILE = `NAME : made up
MEAN_COMMISSION_TIME : 180
MEAN_SERVICE_AT_CLIENT_TIME : 120
WAREHOUSE_SECTION
0	-87.63	41.88	2	1
1	-87.66	41.92	1	2
CLIENT_SECTION
0	-87.64	41.89
1	-87.65	41.90
2	-87.66	41.93
EDGE_WEIGHT_SECTION
300	700
450	460
900	200
EOF
`

/** @returns the file */
export function storesFile(before = '', after = ''): string {
  if (!STORES_FILE.includes(before)) throw new Error(`there is no ${before} to change`)
  const path = join(folder(), 'made-up.txt')
  writeFileSync(path, STORES_FILE.replace(before, after))
  return path
}

export function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'waggle-days-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}
