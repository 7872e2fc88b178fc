import type { TranslationBundle } from '@jupyterlab/translation';
import { useState } from 'react';

import { word } from '../api';
import type { Done, ModelsView, WaitingView } from '../schema';
import type { IGristmill } from '../tokens';
import { Button, Refresh, Time, loadingText, useAction, useLoaded } from './controls';
import { Empty, Problem } from './frame';
import { useEnded } from './hooks';
import { Model, type IPart } from './model';
import type { ShowPage } from './page';
import { Reason } from './reason';

export function Models(props: {
  gristmill: IGristmill;
  trans: TranslationBundle;
  open: ShowPage;
  notebook: (source: string) => void;
}): JSX.Element {
  const { gristmill, trans, open, notebook } = props;
  const { api, project } = gristmill;
  const ended = useEnded(gristmill.pipeline);
  const found = useLoaded(() => api.get<ModelsView>('models'), [project.view?.root, ended]);
  const { busy, problem, run } = useAction();
  const [said, setSaid] = useState('');
  const act = (verb: () => Promise<Done>): void =>
    run(async () => {
      setSaid('');
      try {
        setSaid((await verb()).message);
      } finally {
        found.reload();
      }
    });
  const view = found.value;
  if (!view) {
    return found.problem ? <Problem record={found.problem} /> : loadingText(trans);
  }
  const part = { api, trans, view, act, busy, ended, open, notebook };
  return (
    <div className="gm-scroll">
      <div className="gm-bar" role="toolbar" aria-label={trans.__('Models')}>
        <span className="gm-doc">{trans.__('You act as %1', view.actor)}</span>
        <Refresh onClick={found.reload} disabled={found.loading} trans={trans} />
        {busy ? <span role="status">{trans.__('Working…')}</span> : null}
      </div>
      {found.problem ? <Problem record={found.problem} /> : null}
      {problem ? <Problem record={problem} /> : null}
      {said ? (
        <p className="gm-said" role="status">
          {said}
        </p>
      ) : null}
      <Waiting {...part} />
      {view.models.length ? null : (
        <Empty title={trans.__('No model is declared')}>
          <p>
            {trans.__(
              'Add a table [models.NAME] to gristmill.toml: it names the path, metrics, hold-out and gates.'
            )}
          </p>
        </Empty>
      )}
      {view.models.map(model => (
        <Model key={model.name} model={model} {...part} />
      ))}
    </div>
  );
}

function Waiting(part: IPart): JSX.Element | null {
  const { view, trans, api, act, busy } = part;
  const [asked, setAsked] = useState<{ one: WaitingView; decision: string } | null>(null);
  if (!view.waiting.length) {
    return null;
  }
  const decide = (reason: string): void => {
    if (asked) {
      const { model, version, report } = asked.one;
      const body = { version, decision: asked.decision, reason, report };
      act(() => api.post<Done>(`models/${word(model)}/decision`, body));
      setAsked(null);
    }
  };
  return (
    <section className="gm-section gm-waiting" aria-label={trans.__('Waiting for a decision')}>
      <h3>{trans.__('Waiting for a decision')}</h3>
      <ul className="gm-list">
        {view.waiting.map(one => (
          <li key={`${one.model} ${one.version}`}>
            <span>
              <b>{trans.__('%1 version %2', one.model, one.version)}</b>{' '}
              {trans.__('asked by %1', one.actor)} <Time at={one.at} />
              <span className="gm-doc">{one.mine ? one.reason : `${one.reason} · ${one.why}`}</span>
            </span>
            {one.mine ? (
              <span className="gm-group">
                <Button
                  kind="accept"
                  disabled={busy}
                  onClick={() => setAsked({ one, decision: 'approve' })}
                >
                  {trans.__('Approve')}
                </Button>
                <Button
                  kind="warn"
                  disabled={busy}
                  onClick={() => setAsked({ one, decision: 'reject' })}
                >
                  {trans.__('Reject')}
                </Button>
              </span>
            ) : null}
          </li>
        ))}
      </ul>
      {asked ? (
        <Reason
          title={
            asked.decision === 'approve'
              ? trans.__('Approve %1 version %2', asked.one.model, asked.one.version)
              : trans.__('Reject %1 version %2', asked.one.model, asked.one.version)
          }
          verb={asked.decision === 'approve' ? trans.__('Approve') : trans.__('Reject')}
          trans={trans}
          onDone={decide}
          onCancel={() => setAsked(null)}
        />
      ) : null}
    </section>
  );
}
