import type { JSX } from 'preact'
import type { TabProps } from './case.tsx'

const FILES: readonly (readonly [string, string])[] = [
  ['dossier.html', 'Dossier as a web page'],
  ['dossier.pdf', 'Dossier as a PDF'],
  ['findings.json', 'Findings as JSON'],
  ['plans.json', 'Plans as JSON'],
]

/** Everything of a version to take away. */
export function ExportTab({ detail, version, planned }: TabProps): JSX.Element {
  return (
    <section>
      <h2>Export</h2>
      <p class="lead">
        <a class="button primary" href={`/api/cases/${detail.id}/export/${version}`} download>
          Everything of version {version} (zip)
        </a>
      </p>
      <p>The archive holds the case folder, the results, the decisions and the audit trail of this case. It holds health data: keep it as such.</p>
      {planned === null ? (
        <p class="none">There are no results yet to export singly.</p>
      ) : (
        <>
          <h3>Single files of version {planned}</h3>
          {planned !== detail.newest && <p class="gap">These are results of version {planned}; the case is at version {detail.newest}.</p>}
          <ul class="files">
            {FILES.map(([file, words]) => (
              <li key={file}>
                <a href={`/api/cases/${detail.id}/results/${planned}/${file}`} target="_blank" rel="noreferrer">
                  {words}
                </a>
              </li>
            ))}
          </ul>
          <p class="stamp">DICOM objects (segmentation, structured report, encapsulated PDF), where the case came as DICOM, are in the archive under results/dicom.</p>
        </>
      )}
    </section>
  )
}
