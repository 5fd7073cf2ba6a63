import { useCallback, useEffect, useState } from 'react'

/** What is open beside the map. It lives in the address, so it can be linked to and the back button closes it. */
export type Selection = { kind: 'order' | 'warehouse'; id: string } | null

function read(): Selection {
  const [kind, id] = location.hash.slice(1).split('/')
  if ((kind !== 'order' && kind !== 'warehouse') || !id) return null
  return { kind, id: decodeURIComponent(id) }
}

export function useSelection(): [Selection, (next: Selection) => void] {
  const [selection, setSelection] = useState(read)
  useEffect(() => {
    const follow = () => setSelection(read())
    addEventListener('hashchange', follow)
    return () => removeEventListener('hashchange', follow)
  }, [])
  const select = useCallback((next: Selection) => {
    location.hash = next ? `${next.kind}/${encodeURIComponent(next.id)}` : ''
  }, [])
  return [selection, select]
}
