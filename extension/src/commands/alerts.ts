import type { TranslationBundle } from '@jupyterlab/translation';

import { alertsIcon } from '../icons';
import type { AlertsManager } from '../managers/alerts';
import type { ShowPage } from '../panels/page';
import type { AlertsView, AlertView } from '../schema';
import type { IGristmill } from '../tokens';
import type { Arguments, ICommand } from './command';
import { complete } from './dialog';
import type { IField, IForm } from './form';

const ALERT = { alert: { type: 'string', description: 'The id of an alert' } };
const REASON = { reason: { type: 'string', description: 'Why' } };
const MODEL = { model: { type: 'string', description: 'The name of a model' } };
const NOW = { now: { type: 'string', description: 'The ISO time to look from; "" for now' } };
const SPAN = {
  window: { type: 'string', description: 'Another length of windows, such as 7d' },
  start: { type: 'string', description: 'The ISO time at which the first window begins' }
};
const LENGTH = { until: { type: 'string', description: 'How long: 12h, 7d, 2w' } };
const LENGTHS = ['4h', '1d', '7d', '30d'];

/** How alerts are answered. */
export function alertCommands(
  gristmill: IGristmill,
  alerts: AlertsManager,
  show: ShowPage,
  trans: TranslationBundle
): ICommand[] {
  const { project } = gristmill;
  const open = (): boolean => project.found;
  const alertField = (view: AlertsView, wanted: (alert: AlertView) => boolean): IField => ({
    name: 'alert',
    label: trans.__('Alert'),
    required: true,
    placeholder: trans.__('There is none'),
    options: () =>
      view.alerts
        .filter(alert => alert.state !== 'resolved' && wanted(alert))
        .map(alert => ({
          value: alert.id,
          label: trans.__('%1 version %2: %3', alert.model, alert.version, alert.rule)
        }))
  });
  const reason: IField = {
    name: 'reason',
    label: trans.__('Reason'),
    placeholder: trans.__('optional')
  };
  const modelField = (view: AlertsView): IField => ({
    name: 'model',
    label: trans.__('Model'),
    required: true,
    placeholder: trans.__('No model is declared'),
    options: () => view.models.map(({ name }) => ({ value: name, label: name }))
  });
  return [
    {
      name: 'acknowledge',
      label: trans.__('Acknowledge an Alert…'),
      caption: trans.__('Say that you are looking into an alert'),
      icon: alertsIcon,
      args: { ...ALERT, ...REASON },
      isEnabled: open,
      execute: async args => {
        const view = await alerts.load();
        const form: IForm = {
          title: trans.__('Acknowledge the alert'),
          verb: trans.__('Acknowledge'),
          fields: [alertField(view, alert => !alert.acknowledged), reason]
        };
        const values = await complete(form, args, trans);
        if (values) {
          const alert = await alerts.acknowledge(values['alert'], values['reason']);
          return trans.__(
            '%1 is looking into %2 of %3.',
            alert.acknowledged,
            alert.rule,
            alert.model
          );
        }
      }
    },
    {
      name: 'snooze',
      label: trans.__('Snooze an Alert…'),
      caption: trans.__('Silence an alert for a while'),
      icon: alertsIcon,
      args: { ...ALERT, ...LENGTH, ...REASON },
      isEnabled: open,
      execute: async args => {
        const view = await alerts.load();
        const form: IForm = {
          title: trans.__('Snooze the alert'),
          verb: trans.__('Snooze'),
          fields: [
            alertField(view, () => true),
            {
              name: 'until',
              label: trans.__('For'),
              required: true,
              options: () => LENGTHS.map(length => ({ value: length, label: length }))
            },
            reason
          ]
        };
        const values = await complete(form, args, trans);
        if (values) {
          const alert = await alerts.snooze(values['alert'], values['until'], values['reason']);
          return trans.__('%1 of %2 is snoozed for %3.', alert.rule, alert.model, values['until']);
        }
      }
    },
    {
      name: 'resolve',
      label: trans.__('Resolve an Alert…'),
      caption: trans.__('Close an alert whose cause is gone'),
      icon: alertsIcon,
      args: { ...ALERT, ...REASON },
      isEnabled: open,
      execute: async args => {
        const view = await alerts.load();
        const form: IForm = {
          title: trans.__('Resolve the alert'),
          verb: trans.__('Resolve'),
          fields: [
            alertField(view, () => true),
            { name: 'reason', label: trans.__('Reason'), required: true }
          ]
        };
        const values = await complete(form, args, trans);
        if (values) {
          const alert = await alerts.resolve(values['alert'], values['reason']);
          return trans.__('%1 of %2 is resolved.', alert.rule, alert.model);
        }
      }
    },
    {
      name: 'monitor',
      label: trans.__('Monitor a Model…'),
      caption: trans.__('Evaluate the prediction log of a model now, and alert'),
      icon: alertsIcon,
      args: { ...MODEL, ...NOW, ...SPAN },
      isEnabled: open,
      execute: async (args, report) => {
        const view = await alerts.load();
        const form: IForm = {
          title: trans.__('Monitor a model'),
          verb: trans.__('Monitor'),
          fields: [modelField(view)]
        };
        const values = await complete(form, args, trans);
        if (values) {
          const { model } = values;
          report(trans.__('Monitoring %1…', model));
          const found = await alerts.monitor(model, texts(args, { ...NOW, ...SPAN }), report);
          return {
            kind: found.alerts.length ? 'warning' : 'success',
            message: trans.__(
              '%1: %2, %3.',
              model,
              trans._n('%1 window', '%1 windows', found.windows.length),
              trans._n('%1 open alert', '%1 open alerts', found.alerts.length)
            )
          };
        }
      }
    },
    {
      name: 'repair',
      label: trans.__('Repair a Model…'),
      caption: trans.__('Retrain a model whose open alerts ask for it, and promote what is better'),
      icon: alertsIcon,
      args: { ...MODEL, ...NOW },
      isEnabled: open,
      execute: async (args, report) => {
        const view = await alerts.load();
        const form: IForm = {
          title: trans.__('Repair a model'),
          verb: trans.__('Repair'),
          fields: [modelField(view)]
        };
        const values = await complete(form, args, trans);
        if (values) {
          const { model } = values;
          report(trans.__('Repairing %1…', model));
          const done = await alerts.repair(model, texts(args, NOW).now ?? '', report);
          if (!done) {
            return trans.__('No open alert asks for a repair of %1 now.', model);
          }
          return {
            kind: ['failed', 'gave-up'].includes(done.outcome) ? 'warning' : 'success',
            message: done.summary
          };
        }
      }
    },
    {
      name: 'dashboard',
      label: trans.__('Open the Dashboard of a Model…'),
      caption: trans.__('Show what monitoring has measured of a model'),
      icon: alertsIcon,
      args: MODEL,
      isEnabled: open,
      execute: async args => {
        const view = await alerts.load();
        const form: IForm = {
          title: trans.__('Open a dashboard'),
          verb: trans.__('Open'),
          fields: [modelField(view)]
        };
        const values = await complete(form, args, trans);
        if (values) {
          const page = await alerts.dashboard(values['model']);
          show(trans.__('Dashboard: %1', page.title), page.html);
        }
      }
    }
  ];
}

/** Those arguments of `known` that are given as texts. */
function texts<T extends object>(args: Arguments, known: T): { [name in keyof T]?: string } {
  const given = Object.entries(args).filter(
    ([name, value]) => name in known && typeof value === 'string'
  );
  return Object.fromEntries(given) as { [name in keyof T]?: string };
}
