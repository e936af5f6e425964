import { render } from 'preact'
import { App } from './app.tsx'
import { start } from './parts/prefs.ts'
import './styles/base.css'
import './styles/parts.css'
import './styles/pages.css'
import './styles/print.css'

start()
const root = document.getElementById('app')
if (root) render(<App />, root)
