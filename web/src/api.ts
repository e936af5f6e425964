import type { About, Job, Problem, Session } from './types.ts'

/** An answer of the server that is not a result: what went wrong, in its words, with every single problem it named. */
export class ApiError extends Error {
  readonly status: number
  readonly detail: string
  readonly problems: Problem[]

  constructor(status: number, title: string, detail: string, problems: Problem[] = []) {
    super(title)
    this.status = status
    this.detail = detail
    this.problems = problems
  }
}

let csrf = ''
let onSignedOut: () => void = () => undefined

/** Called once a request is answered with 401: the session is over. */
export function whenSignedOut(callback: () => void): void {
  onSignedOut = callback
}

/** Keep the token that every changing request must carry. */
export function keepToken(token: string): void {
  csrf = token
}

async function failure(response: Response): Promise<ApiError> {
  const body: unknown = await response.json().catch(() => null)
  const record = (body && typeof body === 'object' ? body : {}) as Record<string, unknown>
  const detail = record['detail']
  const words = typeof detail === 'string' ? detail : detail === undefined ? '' : JSON.stringify(detail)
  const title = typeof record['title'] === 'string' ? record['title'] : `The server answered ${response.status}`
  const problems = Array.isArray(record['problems']) ? (record['problems'] as Problem[]) : []
  return new ApiError(response.status, title, words, problems)
}

async function send(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
  const headers: Record<string, string> = { Accept: 'application/json' }
  if (method !== 'GET') headers['X-Glisson-CSRF'] = csrf
  const form = body instanceof FormData
  if (body !== undefined && !form) headers['Content-Type'] = 'application/json'
  const options: RequestInit = { method, headers, credentials: 'same-origin' }
  if (signal) options.signal = signal
  if (body !== undefined) options.body = form ? body : JSON.stringify(body)
  let response: Response
  try {
    response = await fetch(`/api${path}`, options)
  } catch (error) {
    if (signal?.aborted) throw error
    throw new ApiError(0, 'The server cannot be reached', 'Is glisson serve still running on this machine?')
  }
  if (response.ok) return response
  if (response.status === 401 && path !== '/session') onSignedOut()
  throw await failure(response)
}

/** One request; throws ApiError on any answer but 2xx, and a plain one when the server cannot be reached. */
export async function ask<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const response = await send(method, path, body, signal)
  if (response.status === 204) return undefined as T
  const kind = response.headers.get('Content-Type') ?? ''
  return (kind.includes('json') ? await response.json() : await response.text()) as T
}

/** A file made for this question; throws as `ask` does. */
export async function postForFile(path: string, body: unknown, signal?: AbortSignal): Promise<Blob> {
  return (await send('POST', path, body, signal)).blob()
}

export const get = <T>(path: string, signal?: AbortSignal): Promise<T> => ask<T>('GET', path, undefined, signal)
export const post = <T>(path: string, body: unknown, signal?: AbortSignal): Promise<T> => ask<T>('POST', path, body, signal)
export const put = <T>(path: string, body: unknown): Promise<T> => ask<T>('PUT', path, body)
export const patch = <T>(path: string, body: unknown): Promise<T> => ask<T>('PATCH', path, body)
export const remove = <T>(path: string, body?: unknown): Promise<T> => ask<T>('DELETE', path, body)

/** The session of this browser, or null when nobody is signed in. */
export async function session(): Promise<Session | null> {
  try {
    const found = await get<Session>('/session')
    keepToken(found.csrf)
    return found
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return null
    throw error
  }
}

export const about = (): Promise<About> => get<About>('/about')

const PAUSE_MS = 700

/** Ask for a job until it has ended, telling each state; stops silently when the signal is aborted. */
export async function follow(id: string, tell: (job: Job) => void, signal: AbortSignal): Promise<Job | null> {
  while (!signal.aborted) {
    const job = await get<Job>(`/jobs/${id}`, signal).catch((error: unknown) => {
      if (signal.aborted) return null
      throw error
    })
    if (!job) return null
    tell(job)
    if (job.state !== 'queued' && job.state !== 'running') return job
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
  }
  return null
}
