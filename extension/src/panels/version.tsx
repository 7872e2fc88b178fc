import type { TranslationBundle } from '@jupyterlab/translation';

import type { IShownVersion } from '../managers/models';
import type { VersionDetails } from '../schema';
import { Loaded, Tag, Time } from './controls';

/** Gates, approvals and the ledger's entries of one version. */
export function VersionPanel(props: {
  version: IShownVersion;
  trans: TranslationBundle;
}): JSX.Element {
  const { version, trans } = props;
  return (
    <Loaded state={version.details} trans={trans}>
      {details => <Details details={details} trans={trans} />}
    </Loaded>
  );
}

function Details(props: { details: VersionDetails; trans: TranslationBundle }): JSX.Element {
  const { details, trans } = props;
  return (
    <div
      className="gm-Details"
      role="region"
      aria-label={trans.__('Details of version %1', details.version)}
    >
      <h3>{trans.__('Version %1', details.version)}</h3>
      <p className="gm-doc">
        {trans.__('Step %1, digest %2', details.source || '–', details.digest.slice(0, 12))}
        {details.missing.length
          ? ` · ${trans.__('lineage lacks %1', details.missing.join(', '))}`
          : ''}
      </p>
      {details.gates.length ? (
        <ul className="gm-list">
          {details.gates.map((gate, index) => (
            <li key={index}>
              <span>
                <Tag kind={gate.verdict.replace(' ', '-')}>{gate.verdict}</Tag> <b>{gate.kind}</b>{' '}
                {gate.message}
              </span>
            </li>
          ))}
        </ul>
      ) : (
        <p className="gm-none">{trans.__('Its gates have not been run yet.')}</p>
      )}
      {details.approvals ? <p>{details.approvals}</p> : null}
      <ul className="gm-list gm-history">
        {details.history.map(entry => (
          <li key={entry.seq}>
            <span>
              <Time at={entry.at} /> <b>{entry.action}</b> {entry.alias ?? ''} {entry.actor}
              {entry.reason ? <span className="gm-doc">{entry.reason}</span> : null}
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}
