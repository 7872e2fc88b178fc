import type { TranslationBundle } from '@jupyterlab/translation';

import type { Execute } from '../commands/command';
import type { AlertsManager } from '../managers/alerts';
import type { AlertView, Watched } from '../schema';
import { Button, Loaded, Refresh, Tag, Time } from './controls';
import { Empty } from './frame';
import { useChanges } from './hooks';

interface IAlerts {
  alerts: AlertsManager;
  execute: Execute;
  trans: TranslationBundle;
}

export function Alerts(props: IAlerts): JSX.Element {
  const { alerts, trans } = props;
  useChanges(alerts.changed);
  const { state, all } = alerts;
  return (
    <div className="gm-scroll">
      <div className="gm-bar" role="toolbar" aria-label={trans.__('Alerts')}>
        <Button pressed={all} onClick={() => void alerts.showAll(!all)}>
          {trans.__('Resolved too')}
        </Button>
        <Refresh
          onClick={() => void alerts.refresh()}
          disabled={state.kind === 'loading'}
          trans={trans}
        />
        {alerts.busy ? <span role="status">{trans.__('Working…')}</span> : null}
      </div>
      <Loaded state={state} trans={trans}>
        {view => (
          <>
            {view.models.length ? (
              <section className="gm-section" aria-label={trans.__('Monitored models')}>
                <ul className="gm-list">
                  {view.models.map(model => (
                    <ModelRow key={model.name} model={model} {...props} />
                  ))}
                </ul>
              </section>
            ) : null}
            {view.alerts.length ? (
              <ul className="gm-cards" aria-label={trans.__('Alerts')}>
                {view.alerts.map(alert => (
                  <Alert key={alert.id} alert={alert} {...props} />
                ))}
              </ul>
            ) : (
              <Empty title={all ? trans.__('No alerts so far') : trans.__('No open alerts')}>
                <p>
                  {trans.__(
                    'When monitoring finds something wrong with a served model, it is listed here until it is resolved.'
                  )}
                </p>
              </Empty>
            )}
          </>
        )}
      </Loaded>
    </div>
  );
}

function ModelRow(props: IAlerts & { model: Watched }): JSX.Element {
  const { model, alerts, execute, trans } = props;
  const { name, champion, judged } = model;
  return (
    <li>
      <span>
        <Tag kind={model.status}>{model.status}</Tag> <b>{name}</b>{' '}
        {champion === null ? '' : trans.__('version %1', champion)}{' '}
        <span className="gm-doc">
          {model.problem ||
            (judged ? (
              <>
                {trans.__('evaluated up to')} <Time at={judged} />
              </>
            ) : (
              trans.__('Not monitored yet: serve it, then monitor it')
            ))}
        </span>
      </span>
      <span className="gm-group">
        <Button
          disabled={alerts.busy}
          label={trans.__('Monitor %1 now', name)}
          onClick={() => execute('gristmill:monitor', { model: name })}
        >
          {trans.__('Monitor')}
        </Button>
        <Button
          disabled={alerts.busy}
          label={trans.__('Open the dashboard of %1', name)}
          onClick={() => execute('gristmill:dashboard', { model: name })}
        >
          {trans.__('Dashboard')}
        </Button>
      </span>
    </li>
  );
}

function Alert(props: IAlerts & { alert: AlertView }): JSX.Element {
  const { alert, alerts, execute, trans } = props;
  return (
    <li className={`gm-Alert gm-is-${alert.severity}`}>
      <div>
        <Tag kind={alert.state}>{alert.state}</Tag>{' '}
        <Tag kind={alert.severity}>{alert.severity}</Tag>{' '}
        <b>{trans.__('%1 version %2', alert.model, alert.version)}</b> <code>{alert.rule}</code>
      </div>
      <p>{alert.reason}</p>
      <p className="gm-doc">
        {trans._n('in %1 window,', 'in %1 windows,', alert.windows)} <Time at={alert.first} />
        {alert.first === alert.last ? null : (
          <>
            {' – '}
            <Time at={alert.last} />
          </>
        )}
        {alert.acknowledged ? ` · ${trans.__('acknowledged by %1', alert.acknowledged)}` : ''}
        {alert.state === 'snoozed' ? (
          <>
            {' · '}
            {trans.__('snoozed until')} <Time at={alert.snoozed} />
          </>
        ) : null}
        {alert.note ? ` · ${alert.note}` : ''}
        {alert.closing ? ` · ${alert.closing}` : ''}
      </p>
      {alert.state === 'resolved' ? null : (
        <div className="gm-group">
          {alert.acknowledged ? null : (
            <Button
              disabled={alerts.busy}
              onClick={() => execute('gristmill:acknowledge', { alert: alert.id })}
            >
              {trans.__('Acknowledge')}
            </Button>
          )}
          <Button
            disabled={alerts.busy}
            onClick={() => execute('gristmill:snooze', { alert: alert.id })}
          >
            {trans.__('Snooze')}
          </Button>
          <Button
            disabled={alerts.busy}
            onClick={() => execute('gristmill:resolve', { alert: alert.id })}
          >
            {trans.__('Resolve')}
          </Button>
        </div>
      )}
    </li>
  );
}
