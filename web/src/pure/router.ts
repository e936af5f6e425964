/** Pages live in the fragment: it never reaches the server and holds only opaque ids. */

export const TABS = ['viewer', 'plans', 'options', 'timeline', 'facts', 'decision', 'versions', 'export'] as const
export type Tab = (typeof TABS)[number]
export type Route =
  | { page: 'cases' }
  | { page: 'users' }
  | { page: 'audit' }
  | { page: 'case'; id: string; tab: Tab; version: number | null }

/** Read a fragment; whatever is not understood is the list of cases. */
export function parse(fragment: string): Route {
  const [path = '', query = ''] = fragment.replace(/^#\/?/, '').split('?')
  const parts = path.split('/').filter(Boolean)
  if (parts[0] === 'users') return { page: 'users' }
  if (parts[0] === 'audit') return { page: 'audit' }
  if (parts[0] === 'cases' && parts[1]) {
    const tab = TABS.find((name) => name === parts[2]) ?? 'viewer'
    const version = Number(new URLSearchParams(query).get('version'))
    return { page: 'case', id: parts[1], tab, version: Number.isInteger(version) && version > 0 ? version : null }
  }
  return { page: 'cases' }
}

/** The fragment of a route. */
export function link(route: Route): string {
  if (route.page !== 'case') return `#/${route.page}`
  return `#/cases/${route.id}/${route.tab}${route.version ? `?version=${route.version}` : ''}`
}
