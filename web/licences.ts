import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Plugin } from 'vite'

interface Locked {
  dev?: boolean
  optional?: boolean
  license?: string
  version?: string
}

const LICENCE_FILE = /^(licen[cs]e|copying|notice)/i

/** Names, versions and licence texts of every package that ends in the bundle, from the lock file and node_modules. */
export function licenceText(root: string): string {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as { packages: Record<string, Locked> }
  const parts = ['Software of others in the workbench of Glisson, with its licences.\n']
  for (const place of Object.keys(lock.packages).sort()) {
    const locked = lock.packages[place]
    if (!place || !locked || locked.dev || locked.optional) continue
    const folder = join(root, place)
    if (!existsSync(folder)) continue
    const name = place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length)
    const texts = readdirSync(folder)
      .filter((file) => LICENCE_FILE.test(file))
      .sort()
      .map((file) => readFileSync(join(folder, file), 'utf8').trim())
    const body = texts.length ? texts.join('\n\n') : `(The package names its licence and holds no text of it.)`
    parts.push(`${'='.repeat(100)}\n${name} ${locked.version ?? ''}: ${locked.license ?? 'see below'}\n\n${body}\n`)
  }
  parts.push(
    `${'='.repeat(100)}\nRoboto (letters drawn in the image viewer, part of @niivue/niivue): Apache-2.0, Google Inc.\n`,
  )
  return parts.join('\n')
}

/** Writes THIRD-PARTY.txt beside the built pages. */
export function thirdParty(): Plugin {
  let root = '.'
  return {
    name: 'third-party',
    configResolved(config) {
      root = config.root
    },
    generateBundle() {
      this.emitFile({ type: 'asset', fileName: 'THIRD-PARTY.txt', source: licenceText(root) })
    },
  }
}
