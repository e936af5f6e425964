/** Shapes of the HTTP API that the pages read. A server may send more; what is missing is shown as a gap, never guessed. */

export type Point = readonly [number, number, number]
export type Role = 'view' | 'edit' | 'admin'
export type CaseState = 'new' | 'importing' | 'planning' | 'current' | 'stale' | 'failed'

export interface User {
  id: string
  name: string
  role: Role
  active?: boolean
}
export interface Session {
  user: User
  csrf: string
}
export interface About {
  version: string
  statement: string
  cds: boolean
  oidc: boolean
  needs_first_user: boolean
  pacs?: string[]
}
export interface Job {
  id: string
  kind: string
  case: string | null
  state: 'queued' | 'running' | 'done' | 'failed' | 'cancelled'
  words: string
  share: number
  error: string | null
}
export interface Problem {
  level?: string
  about?: string
  text: string
  line?: number
  key?: string
  given?: unknown
  allowed?: unknown
}
export interface CaseRow {
  id: string
  title: string
  created: string
  newest: number
  planned_version: number | null
  state: CaseState
  answer: string | null
  job: Job | null
}
export interface Version {
  version: number
  by: string
  at: string
  what: string
  based_on: number | null
  planned: boolean
}
export interface CaseDetail extends CaseRow {
  versions: Version[]
  problems: Problem[]
  checked?: boolean
}
export interface Facts {
  version: number
  yaml: string
  problems: Problem[]
}
export interface Level {
  name: string
  shape: Point
  spacing_mm: Point
  affine_lps?: number[][]
  bytes: number | null
}
export interface Structure {
  key: string
  name: string
  kind: 'liver' | 'lesion' | 'portal' | 'hepatic' | 'cava' | 'segment' | 'organ' | string
  volume_ml: number | null
  colour: string
  mesh: boolean
  label?: number | null
}
export interface SceneLesion {
  id: string
  name?: string
  nature?: string
  reason?: string
  volume_ml: number | null
  long_mm: number | null
  long_ends_lps?: [Point, Point] | null
  short_mm?: number | null
  short_ends_lps?: [Point, Point] | null
  centre_lps: Point
  segment?: string | Record<string, number> | null
  act?: { letter: string; text: string; kind?: string } | string | null
  margin_mm?: number | null
  key?: string
}
/** What a plan leaves or takes; `label` is its value in the plan's map, as `plan_labels` of the scene says. */
export interface PlanPart {
  key: string
  part: string
  name: string
  label: number
  colour: string
}
export interface ScenePlan {
  n: number
  name: string
  structures?: string[]
  parts?: PlanPart[]
  remnant_percent?: number | null
}
export interface Scene {
  levels: Level[]
  structures: Structure[]
  lesions: SceneLesion[]
  windows: { name: string; level: number; width: number }[]
  plans: ScenePlan[]
  /** part of a plan -> its value in the plan's maps */
  plan_labels?: Record<string, number>
  current: boolean
}
export interface Needle {
  lesion: string
  entry_lps: Point
  tip_lps: Point
  length_mm: number
  tract_mm?: number | null
  tilt_degrees?: number | null
  capsule_degrees?: number | null
  vessel_mm?: number | null
  limiting?: string | null
  side?: string
  plans?: number[]
  candidate?: string | null
  text: string
}
export interface PlanAction {
  candidate: string
  kind: string
  label: string
  lesions: string[]
  segments: string[]
  zones: string[]
  margin_mm: number | null
  rules?: string[]
}
export interface Plan {
  name: string
  actions: PlanAction[]
  clears: Record<string, { kind: string; label: string; margin_mm: number | null; limiting: string }>
  left: string[]
  removed_ml: number
  destroyed_ml: number
  irradiated_ml: number | null
  devascularised_ml: number | null
  congested_ml: number | null
  /** cause of loss -> why nobody looked at it */
  not_assessed?: Record<string, string>
  remnant_ml: number
  lost_nontumour_ml: number
  remnant_percent_nontumour: number
  remnant_percent_standardised: number | null
  kept_segments: string[]
  burden: number
  spare_margin_mm: number | null
  holds: boolean
  broken: string[]
  search_complete: boolean
  gap: number | null
  notes: string[]
  first?: unknown
  radiation?: PlanRadiation | null
  /** of a plan tried out: lesion -> X removed, A ablated, B irradiated, S stays; and what it leaves and takes */
  letters?: Record<string, string>
  parts?: PlanPart[]
  robustness?: { holds: number; runs: number; share: number; weakest: string } | null
}
/** What a plan with radiation rests on: an estimate that claims no margin. */
export interface PlanRadiation {
  lesions: string[]
  margin: string
  verdicts: Record<string, string>
  checks: { structure: string; measure: string; verdict: string; value: number | null; limit: number; unit: string; source: string; status: string; why: string }[]
}
export interface Certificate {
  reason?: string
  binding?: string[]
  binding_text?: string
  untreated?: string[] | Record<string, string>
  relaxations?: { name?: string; label: string; outcome: string; text: string }[]
}
export interface Plans {
  settings?: Record<string, unknown>
  threshold?: { percent: number; of: string[]; source: string } | null
  plans: Plan[]
  certificate: Certificate | null
  search?: { outcome: string; search_complete: boolean; burden_unit?: string; ended_by_clock?: boolean }
  notes?: string[]
  radiation?: { considered: string; needed: boolean; refused: Record<string, string> }
}
/** Plans under other limits. While it is not `prepared`, `words` say what is still being made. */
export interface Replanned extends Plans {
  prepared?: boolean
  words?: string
  share?: number
  seconds?: number
  /** margins on offer, and the one of the dossier */
  margins_mm?: number[]
  base_margin_mm?: number | null
}
export interface Source {
  id?: string
  title: string
  authors?: string
  year?: number | null
  doi?: string
  pmid?: string
  url?: string
  standing?: string
  locator?: string
}
export interface Change {
  fact: string
  title?: string
  text: string
  verdict: string
}
export interface Input {
  fact: string
  title?: string
  value: unknown
  unit?: string | null
  unknown?: string | null
}
export interface Reason {
  rule: string
  title?: string
  verdict: string
  status?: string
  text: string
  strength?: string | null
  locator?: string
  inputs?: Input[]
  needs?: string[]
  source?: Source | null
  counterfactual?: Change[]
}
export interface OptionRow {
  option: string
  title: string
  plain?: string
  effect?: string
  verdict: string
  why?: string
  by_source?: Record<string, string>
  reasons: Reason[]
  needs?: { fact: string; title: string }[]
  conflicts?: { text: string; rules: string[] }[]
  counterfactual?: Change[]
  lesions?: { lesion: string; verdict: string; why?: string; reasons?: Reason[] }[]
}
export interface Reasons {
  columns: string[]
  sources: Record<string, Source>
  options: OptionRow[]
  missing?: { fact: string; title: string; decides?: string[]; may_decide?: string[] }[]
}
/** A rule as it is kept; every further key is shown as it is. */
export interface Rule {
  id: string
  title?: string
  paraphrase?: string
  status?: string
  effect?: string
  rows?: { when: string; effect?: string | null; text?: string; value?: unknown; unit?: string | null; source?: string; locator?: string; status?: string }[]
  exceptions?: { when: string; text: string; source?: string }[]
  facts?: { fact: string; title: string }[]
  sources?: SourceRecord[]
  text?: string
  [key: string]: unknown
}
export interface SourceRecord extends Source {
  kind?: string
  population?: string
  endpoint?: string
  note?: string
  citation?: string
  numbers?: { says: string; locator?: string; values: string[] }[]
  [key: string]: unknown
}
export interface Timeline {
  scans?: { date: string; title?: string }[]
  lesions?: { id: string; name?: string; points: { date: string; long_mm: number | null; volume_ml?: number | null; state?: string }[] }[]
  events?: { date: string; text: string; kind?: string }[]
  treatments?: { kind: string; name: string | null; start: string | null; stop: string | null; ongoing?: boolean; response?: string | null }[]
  due?: { after: string; earliest: string; latest: string; state: string; source: string; status: string }[]
  notes?: string[]
}
export interface Decision {
  n?: number
  at?: string
  by?: string
  version: number
  plan: number | null
  decided: string
  reasons: string
  dissent: string
  members: string[]
  reviewed_by: string
  role?: string
  intent?: string | null
  next_step?: string
  next_by?: string | null
}
export interface AuditEntry {
  n?: number
  at: string
  by?: string | null
  what: string
  case?: string | null
  detail?: Record<string, unknown>
}
