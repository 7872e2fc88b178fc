import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import { nullTranslator } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';
import { beforeEach, expect, test, vi } from 'vitest';

import { alertCommands } from '../src/commands/alerts';
import { addCommands, type ICommand } from '../src/commands/command';
import type { FormBody } from '../src/commands/form';
import { pipelineCommands } from '../src/commands/pipeline';
import { AlertsManager } from '../src/managers/alerts';
import { PipelineManager } from '../src/managers/pipeline';
import type { IGristmill } from '../src/tokens';
import { Server, held, settled, until } from './server';

/** What dialogs asked for, and what a person answers. */
const dialogs = vi.hoisted(() => {
  // Lumino looks for it when it is loaded, and jsdom has none
  Object.assign(globalThis, { DragEvent: class extends MouseEvent {} });
  return { shown: [] as { title: string; body: unknown }[], answer: {}, accept: true };
});

vi.mock('../src/icons', () => ({ alertsIcon: undefined, millIcon: undefined }));
vi.mock('@jupyterlab/apputils', async () => {
  class Dialog {
    readonly node = document.createElement('div');

    constructor(private readonly options: { title: string; body: FormBody }) {}

    static okButton = (): object => ({});
    static cancelButton = (): object => ({});
    static warnButton = (): object => ({});

    addClass(): void {}

    launch(): Promise<object> {
      dialogs.shown.push(this.options);
      return Promise.resolve({ button: { accept: true }, value: dialogs.answer });
    }
  }
  return {
    ...(await vi.importActual('@jupyterlab/apputils/lib/notification.js')),
    Dialog,
    showDialog: (options: { title: string; body: unknown }) => {
      dialogs.shown.push(options);
      return Promise.resolve({ button: { accept: dialogs.accept } });
    }
  };
});

const trans = nullTranslator.load('gristmill');
const ALERT = { id: 'a1', model: 'delay', version: 1, rule: 'drift', state: 'open' };
const ALERTS = { alerts: [ALERT], models: [{ name: 'delay', status: 'drift' }] };
const JOB = { job: 'j-1', verb: 'monitor', progress: '', result: null, error: null };

beforeEach(() => {
  Notification.dismiss();
  dialogs.shown.length = 0;
  dialogs.answer = {};
  dialogs.accept = true;
});

async function opened(): Promise<{ server: Server; commands: CommandRegistry }> {
  const server = new Server();
  const { api, events, project } = server;
  const pipeline = new PipelineManager(api, events);
  const gristmill = { api, events, project, pipeline } as unknown as IGristmill;
  const commands = new CommandRegistry();
  const app = { commands } as JupyterFrontEnd;
  server.answer('GET alerts', ALERTS);
  server.answer('GET pipeline', { steps: [], parked: [] });
  await server.open();
  const all: ICommand[] = [
    ...alertCommands(gristmill, new AlertsManager(api, events), () => undefined, trans),
    ...pipelineCommands(app, gristmill, null, trans)
  ];
  addCommands(app, all, { palette: null, trans, rank: 0 }, []);
  return { server, commands };
}

function notices(): { type: string; message: string }[] {
  return Notification.manager.notifications.map(({ type, message }) => ({ type, message }));
}

function bodyOf(server: Server, request: string): unknown {
  return server.bodies[server.requests.indexOf(request)];
}

test('sync takes parameters and nothing of JupyterLab’s own', async () => {
  const { server, commands } = await opened();
  server.answer('POST sync', { message: 'dvc.yaml was written.' });
  const overrides = { 'train.depth': 3 };
  await commands.execute('gristmill:sync', { params: 'big', overrides, event: {} });
  expect(bodyOf(server, 'POST sync')).toEqual({ params: 'big', overrides });
  expect(notices()).toEqual([{ type: 'success', message: 'dvc.yaml was written.' }]);
});

test('a project is trusted when a person confirms it, and no longer when revoked', async () => {
  const { server, commands } = await opened();
  const { view } = server.project;
  server.answer('GET project', { ...view, trusted: false });
  await server.project.enter('flights');
  expect(commands.isEnabled('gristmill:revoke-trust')).toBe(false);
  dialogs.accept = false;
  await commands.execute('gristmill:trust');
  expect(server.count('POST trust')).toBe(0);
  dialogs.accept = true;
  server.answer('POST trust', { ...view, trusted: true });
  await commands.execute('gristmill:trust');
  expect(server.project.view?.trusted).toBe(true);
  expect(dialogs.shown).toHaveLength(2);
  expect(commands.isEnabled('gristmill:trust')).toBe(false);
  server.answer('DELETE trust', { ...view, trusted: false });
  await commands.execute('gristmill:revoke-trust');
  expect(commands.isEnabled('gristmill:trust')).toBe(true);
});

test('lint counts what it found, and the notice opens all of it', async () => {
  const { server, commands } = await opened();
  const finding = { notebook: 'train.ipynb', cell: 0, line: 2, message: 'x is undefined.' };
  server.answer('GET lint', [
    { ...finding, code: 'undefined-name', severity: 'error', hint: 'Define it.' },
    { ...finding, code: 'unused-output', severity: 'warning', hint: '', cell: -1, line: 0 }
  ]);
  await commands.execute('gristmill:lint', { steps: ['train', 'split'] });
  expect(server.queries[server.requests.indexOf('GET lint')].get('steps')).toBe('train,split');
  const [notice] = Notification.manager.notifications;
  expect(notice).toMatchObject({ type: 'error', message: '1 error, 1 warning' });
  notice.options.actions![0].callback(new MouseEvent('click'));
  const { node } = dialogs.shown[0].body as { node: HTMLElement };
  expect([...node.children].map(one => one.textContent)).toEqual([
    'train.ipynb, cell 1, line 2: x is undefined. Define it. [undefined-name]',
    'train.ipynb: x is undefined. [unused-output]'
  ]);
});

test('lint that finds nothing is a success', async () => {
  const { server, commands } = await opened();
  server.answer('GET lint', []);
  await commands.execute('gristmill:lint');
  expect(notices()).toMatchObject([{ type: 'success' }]);
});

test('an alert is resolved for a reason that is asked for', async () => {
  const { server, commands } = await opened();
  server.answer('POST alerts/a1/resolve', { ...ALERT, state: 'resolved' });
  dialogs.answer = { reason: 'the sensor is back' };
  await commands.execute('gristmill:resolve', { alert: 'a1' });
  expect(dialogs.shown).toHaveLength(1);
  expect(bodyOf(server, 'POST alerts/a1/resolve')).toEqual({ reason: 'the sensor is back' });
  expect(notices()).toEqual([{ type: 'success', message: 'drift of delay is resolved.' }]);
});

test('monitoring says how far it is, and then what it found, in the same notice', async () => {
  const { server, commands } = await opened();
  server.answer('POST models/delay/monitor', { ...JOB, state: 'running', progress: 'half' });
  const end = held();
  server.answer('GET jobs/j-1', end.answer);
  dialogs.answer = { model: 'delay' };
  const done = commands.execute('gristmill:monitor', { now: '2026-01-01', window: '7d' });
  await until(() => server.count('GET jobs/j-1') > 0);
  expect(notices()).toEqual([{ type: 'in-progress', message: 'half' }]);
  const result = { windows: [{}, {}], alerts: [ALERT] };
  await end.give({ ...JOB, state: 'succeeded', result });
  await done;
  expect(bodyOf(server, 'POST models/delay/monitor')).toEqual({ now: '2026-01-01', window: '7d' });
  expect(notices()).toEqual([{ type: 'warning', message: 'delay: 2 windows, 1 open alert.' }]);
});

test('a repair that fails ends its notice with the error and its hint', async () => {
  const { server, commands } = await opened();
  const error = { code: 'role.missing', message: 'You may not promote.', hint: 'Ask ada.' };
  server.answer('POST models/delay/repair', { ...JOB, state: 'failed', error });
  await commands.execute('gristmill:repair', { model: 'delay' });
  expect(notices()).toEqual([{ type: 'error', message: 'You may not promote. Ask ada.' }]);
});

test('a repair tells its outcome, or that none is asked for', async () => {
  const { server, commands } = await opened();
  const outcome = { outcome: 'gave-up', summary: 'Three repairs failed.' };
  server.answer('POST models/delay/repair', { ...JOB, state: 'succeeded', result: outcome });
  await commands.execute('gristmill:repair', { model: 'delay', now: '2026-01-01' });
  expect(bodyOf(server, 'POST models/delay/repair')).toEqual({ now: '2026-01-01' });
  expect(notices()).toEqual([{ type: 'warning', message: 'Three repairs failed.' }]);
  Notification.dismiss();
  server.answer('POST models/delay/repair', { ...JOB, state: 'succeeded' });
  await commands.execute('gristmill:repair', { model: 'delay' });
  expect(notices()).toMatchObject([{ type: 'success' }]);
});

test('a notice that was closed meanwhile comes back with the result', async () => {
  const { server, commands } = await opened();
  const running = { ...JOB, state: 'running', progress: 'train' };
  const begun = held();
  server.answer('POST models/delay/repair', begun.answer);
  const done = commands.execute('gristmill:repair', { model: 'delay' });
  await settled();
  expect(notices()).toMatchObject([{ type: 'in-progress' }]);
  Notification.dismiss();
  const end = held();
  server.answer('GET jobs/j-1', end.answer);
  await begun.give(running);
  await until(() => server.count('GET jobs/j-1') > 0);
  expect(notices()).toEqual([]);
  const result = { outcome: 'promoted', summary: 'x'.repeat(200) };
  await end.give({ ...JOB, state: 'succeeded', result });
  await done;
  expect(notices()).toMatchObject([{ type: 'success', message: result.summary }]);
  expect(Notification.manager.notifications[0].options.actions).toHaveLength(1); // all of it
});
