import type { TranslationBundle } from '@jupyterlab/translation';
import { useState } from 'react';

import { word } from '../api';
import type { AlertsView, AlertView, PageView } from '../schema';
import type { IGristmill } from '../tokens';
import { Button, Refresh, Time, Word, loadingText, useAction, useLoaded } from './controls';
import { Empty, Problem } from './frame';
import type { ShowPage } from './page';
import { Reason } from './reason';

const LENGTHS = ['4h', '1d', '7d', '30d'];

export function Alerts(props: {
  gristmill: IGristmill;
  trans: TranslationBundle;
  open: ShowPage;
}): JSX.Element {
  const { gristmill, trans, open } = props;
  const { api, project } = gristmill;
  const [all, setAll] = useState(false);
  const [asked, setAsked] = useState<{ id: string; until: string } | null>(null);
  const found = useLoaded(() => api.get<AlertsView>('alerts', { all }), [project.view?.root, all]);
  const { busy, problem, run } = useAction();
  const view = found.value;
  if (!view) {
    return found.problem ? <Problem record={found.problem} /> : loadingText(trans);
  }
  const dashboard = (model: string): void =>
    run(async () => {
      const page = await api.get<PageView>('dashboard', { model });
      open(trans.__('Dashboard: %1', page.title), page.html);
    });
  const answer = (reason: string): void => {
    if (!asked) {
      return;
    }
    const { id, until } = asked;
    setAsked(null);
    run(async () => {
      const verb = until ? 'snooze' : 'acknowledge';
      await api.post<AlertView>(`alerts/${word(id)}/${verb}`, { reason, until });
      found.reload();
    });
  };
  return (
    <div className="gm-scroll">
      <div className="gm-bar" role="toolbar" aria-label={trans.__('Alerts')}>
        <Button pressed={all} onClick={() => setAll(!all)}>
          {trans.__('Resolved too')}
        </Button>
        <Refresh onClick={found.reload} disabled={found.loading} trans={trans} />
      </div>
      {found.problem ? <Problem record={found.problem} /> : null}
      {problem ? <Problem record={problem} /> : null}
      {view.models.length ? (
        <section className="gm-section" aria-label={trans.__('Watched models')}>
          <ul className="gm-list">
            {view.models.map(one => (
              <li key={one.name}>
                <span>
                  <Word kind={one.status}>{one.status}</Word> <b>{one.name}</b>{' '}
                  {one.champion === null ? '' : trans.__('version %1', one.champion)}{' '}
                  <span className="gm-doc">
                    {one.problem ||
                      (one.judged ? (
                        <>
                          {trans.__('judged up to')} <Time at={one.judged} />
                        </>
                      ) : (
                        trans.__(
                          'No window has been judged: serve it, then gristmill monitor %1',
                          one.name
                        )
                      ))}
                  </span>
                </span>
                <Button
                  disabled={busy}
                  label={trans.__('Open the dashboard of %1', one.name)}
                  onClick={() => dashboard(one.name)}
                >
                  {trans.__('Dashboard')}
                </Button>
              </li>
            ))}
          </ul>
        </section>
      ) : null}
      {view.alerts.length ? (
        <ul className="gm-cards" aria-label={trans.__('Alerts')}>
          {view.alerts.map(one => (
            <li key={one.id} className={`gm-Alert gm-is-${one.severity}`}>
              <div>
                <Word kind={one.state}>{one.state}</Word>{' '}
                <Word kind={one.severity}>{one.severity}</Word>{' '}
                <b>{trans.__('%1 version %2', one.model, one.version)}</b> <code>{one.rule}</code>
              </div>
              <p>{one.reason}</p>
              <p className="gm-doc">
                {trans._n('seen in %1 window', 'seen in %1 windows', one.windows)}{' '}
                <Time at={one.first} />
                {one.first === one.last ? null : (
                  <>
                    {' – '}
                    <Time at={one.last} />
                  </>
                )}
                {one.acknowledged ? ` · ${trans.__('looked after by %1', one.acknowledged)}` : ''}
                {one.state === 'snoozed' ? (
                  <>
                    {' · '}
                    {trans.__('silent until')} <Time at={one.snoozed} />
                  </>
                ) : null}
                {one.note ? ` · ${one.note}` : ''}
                {one.closing ? ` · ${one.closing}` : ''}
              </p>
              {one.state === 'resolved' ? null : (
                <div className="gm-group">
                  {one.acknowledged ? null : (
                    <Button disabled={busy} onClick={() => setAsked({ id: one.id, until: '' })}>
                      {trans.__('Acknowledge')}
                    </Button>
                  )}
                  <Button disabled={busy} onClick={() => setAsked({ id: one.id, until: '1d' })}>
                    {trans.__('Snooze')}
                  </Button>
                </div>
              )}
              {asked?.id === one.id ? (
                <Reason
                  title={
                    asked.until ? trans.__('Snooze it') : trans.__('Say that you look after it')
                  }
                  verb={asked.until ? trans.__('Snooze') : trans.__('Acknowledge')}
                  optional
                  trans={trans}
                  onDone={answer}
                  onCancel={() => setAsked(null)}
                >
                  {asked.until ? (
                    <label>
                      {trans.__('For')}{' '}
                      <select
                        className="gm-input gm-fit"
                        value={asked.until}
                        onChange={event => setAsked({ id: one.id, until: event.target.value })}
                      >
                        {LENGTHS.map(length => (
                          <option key={length}>{length}</option>
                        ))}
                      </select>
                    </label>
                  ) : null}
                </Reason>
              ) : null}
            </li>
          ))}
        </ul>
      ) : (
        <Empty title={all ? trans.__('Nothing has ever fired') : trans.__('Nothing fires')}>
          <p>
            {trans.__(
              'What monitoring finds wrong with a served model stands here until it is over.'
            )}
          </p>
        </Empty>
      )}
    </div>
  );
}
