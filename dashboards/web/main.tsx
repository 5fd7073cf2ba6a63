import '@fontsource/barlow-semi-condensed/latin-400.css'
import '@fontsource/barlow-semi-condensed/latin-500.css'
import '@fontsource/barlow-semi-condensed/latin-600.css'
import { createRoot } from 'react-dom/client'
import { App } from './app.tsx'
import { behind } from './behind.ts'
import { fetchHistory } from './io/api.ts'
import { follow } from './io/socket.ts'
import { drawsInSoftware } from './motion.ts'
import { openPlayer } from './past/player.ts'
import { newStore } from './store.ts'
import './styles/base.css'
import './styles/map.css'
import './styles/header.css'
import './styles/scenes.css'
import './styles/trouble.css'
import './styles/past.css'
import './styles/hints.css'
import './styles/numbers.css'
import './styles/incidents.css'
import './styles/feed.css'
import './styles/legend.css'
import './styles/drawer.css'
import './styles/actions.css'
import './styles/card.css'
import './styles/narrow.css'

const root = document.getElementById('root')
if (!root) throw new Error('index.html has no #root')
const store = newStore(Date.now())
follow(store, location.origin)
behind.page = store.get
if (drawsInSoftware()) document.documentElement.dataset.motion = 'less'
const player = openPlayer(store, fetchHistory)
createRoot(root).render(<App live={store} player={player} />)
