/** What the files of an import are, guessed from their names; a person can say otherwise. An empty role leaves it to the server. */

/** The role of a file that is not sent. */
export const LEAVE_OUT = 'leave-out'

export const ROLES: readonly (readonly [string, string])[] = [
  ['', 'find out'],
  [LEAVE_OUT, 'leave it out'],
  ['ct', 'scan (CT or MR)'],
  ['auto', 'scan, outline the liver on it'],
  ['liver', 'outline of the liver'],
  ['lesions', 'outlines of lesions'],
  ['portal', 'portal veins'],
  ['hepatic', 'hepatic veins'],
  ['cava', 'inferior vena cava'],
  ['segments', 'segments I to VIII'],
  ['facts', 'facts (YAML or FHIR bundle)'],
]
const ORGANS = ['spleen', 'gallbladder', 'stomach', 'duodenum', 'colon', 'small_bowel', 'pancreas', 'heart', 'aorta', 'bone', 'skin',
  'kidney_left', 'kidney_right', 'lung_left', 'lung_right', 'bile_ducts', 'diaphragm', 'adrenal_left', 'adrenal_right']

/** The organs a file may outline, as roles. */
export const ORGAN_ROLES: readonly (readonly [string, string])[] = ORGANS.map((name) => [`organ:${name}`, name.replaceAll('_', ' ')])

/** The role a file's name suggests. */
export function guessRole(name: string): string {
  const stem = name.toLowerCase().split('/').at(-1)?.replace(/\.(nii(\.gz)?|nrrd|mha|mhd|json|ya?ml|zip|tar(\.gz)?|tgz|dcm)$/, '') ?? ''
  if (/\.(json|ya?ml)$/i.test(name)) return 'facts'
  if (!/\.(nii(\.gz)?|nrrd|mha|mhd)$/i.test(name)) return ''
  const same = stem.replaceAll(/[_\- ]/g, '')
  const organ = ORGANS.find((known) => same === known.replaceAll('_', '') || same === known.split('_').reverse().join(''))
  if (organ) return `organ:${organ}`
  for (const [role, pattern] of [
    ['lesions', /lesion|tumou?r|metasta/],
    ['portal', /portal/],
    ['cava', /^(vena_?)?cava$|^ivc$/],
    ['hepatic', /hepatic|veins?$/],
    ['segments', /segment|couinaud/],
    ['liver', /^liver([_-]?(mask|seg|outline))?$/],
    ['ct', /^(ct|mr|scan|image)/],
  ] as const)
    if (pattern.test(stem)) return role
  return ''
}

/** Bytes in words. */
export function bytes(size: number): string {
  return size < 1e6 ? `${Math.max(1, Math.round(size / 1e3))} kB` : size < 1e9 ? `${(size / 1e6).toFixed(1)} MB` : `${(size / 1e9).toFixed(2)} GB`
}
