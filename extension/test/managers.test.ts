import { expect, test } from 'vitest';

import { AlertsManager } from '../src/managers/alerts';
import type { ProjectEvents } from '../src/managers/events';
import {
  ModelsManager,
  promoteObstacle,
  registerObstacle,
  rollbackObstacle
} from '../src/managers/models';
import { RunsManager } from '../src/managers/runs';
import { SweepsManager } from '../src/managers/sweeps';
import type { WatchedManager } from '../src/managers/watched';
import type { Api } from '../src/api';
import type { ModelsView } from '../src/schema';
import { Server, asked, finished, held, settled, started } from './server';

const VERSION = {
  version: 2,
  aliases: [],
  created: '2026-11-30T00:00:00Z',
  author: 'ada',
  metrics: {},
  commit: '',
  dirty: false,
  verdict: 'pass',
  approvals: ''
};
const MODELS: ModelsView = {
  actor: 'ada',
  may: { promote: true, register: true },
  models: [
    {
      name: 'delay',
      owner: '',
      declared: true,
      champion: 1,
      back: null,
      versions: [VERSION, { ...VERSION, version: 1 }],
      judged: [],
      problem: ''
    }
  ],
  waiting: []
};
const ROW = { run: 'a', status: 'succeeded', started: 0, seconds: 1, params: {}, metrics: {} };
const HISTORY = { rows: [{ ...ROW, tags: {}, mlflow_run: '' }], more: false };

type Make = new (api: Api, events: ProjectEvents) => WatchedManager & { state: { kind: string } };
const MANAGERS: [string, Make][] = [
  ['history', RunsManager],
  ['sweeps', SweepsManager],
  ['models', ModelsManager],
  ['alerts', AlertsManager]
];

test.each(MANAGERS)('%s are asked for only while somebody looks', async (path, Manager) => {
  const server = new Server();
  const manager = new Manager(server.api, server.events);
  await server.open();
  await server.tell(asked, started, finished);
  expect(server.requests.slice(1)).toEqual([]); // one asked which project it is
  const watch = manager.watch();
  await settled();
  expect(manager.state.kind).toBe('ready');
  const before = server.count(`GET ${path}`);
  watch.dispose();
  await server.tell({ kind: 'project-changed' });
  expect(server.count(`GET ${path}`)).toBe(before);
});

test.each(MANAGERS)(
  '%s are asked for again when a change was made elsewhere',
  async (path, Manager) => {
    const server = new Server();
    const manager = new Manager(server.api, server.events);
    await server.open();
    manager.watch();
    await settled();
    const times: number[] = [server.count(`GET ${path}`)];
    const note = (): void => void times.push(server.count(`GET ${path}`) - times[0]);
    await server.tell(asked, started, { kind: 'project-changed' });
    note(); // a run changes files all the time; its end is told
    await server.tell(finished);
    note();
    await server.tell({ kind: 'project-changed' });
    note();
    expect(times[1]).toBe(0);
    expect(times[2]).toBeGreaterThan(0);
    expect(times[3]).toBeGreaterThan(times[2]);
  }
);

test.each(MANAGERS)('%s that cannot be read are an error, and mend', async (path, Manager) => {
  const server = new Server();
  const manager = new Manager(server.api, server.events);
  server.refuse(`GET ${path}`, { code: 'settings.broken', hint: 'Edit it.' });
  await server.open();
  let changes = 0;
  manager.changed.connect(() => void changes++);
  await manager.refresh();
  expect(manager.state).toMatchObject({ kind: 'error', error: { code: 'settings.broken' } });
  expect(changes).toBeGreaterThan(0);
  server.answer(`GET ${path}`, {});
  await manager.refresh();
  expect(manager.state.kind).toBe('ready');
});

test.each(MANAGERS)('%s of another project are forgotten', async (_, Manager) => {
  const server = new Server();
  const manager = new Manager(server.api, server.events);
  await server.open('/flights');
  await manager.refresh();
  await server.open('/trains');
  expect(manager.state).toEqual({ kind: 'loading', value: null });
});

test('a promotion names the champion that was seen, and its effect is known when it is done', async () => {
  const server = new Server();
  const models = new ModelsManager(server.api, server.events);
  server.answer('GET models', MODELS);
  server.answer('POST models/delay/promote', { message: 'done' });
  await server.open();
  await models.refresh();
  const [model] = MODELS.models;
  server.answer('GET models', { ...MODELS, models: [{ ...model, champion: 2, back: 1 }] });
  const promoting = models.promote('delay', 2, 'better');
  await Promise.resolve();
  const done = await promoting;
  expect(done.message).toBe('done');
  expect(models.state.value?.models[0].champion).toBe(2);
  const body = server.bodies[server.requests.indexOf('POST models/delay/promote')];
  expect(body).toEqual({ version: 2, reason: 'better', expected: 1 });
  expect(models.busy).toBe(false);
});

test('a command is told what there is now, though nobody has kept it up', async () => {
  const server = new Server();
  const models = new ModelsManager(server.api, server.events);
  await server.open();
  server.answer('GET models', MODELS);
  await models.load();
  server.answer('GET models', { ...MODELS, models: [] });
  expect((await models.load()).models).toEqual([]);
  models.watch();
  await settled();
  const before = server.count('GET models');
  await models.load(); // it is kept up now
  expect(server.count('GET models')).toBe(before);
  server.refuse('GET models', { code: 'ledger.broken' });
  await models.refresh();
  await expect(models.load()).rejects.toMatchObject({ record: { code: 'ledger.broken' } });
});

test('a verb that is refused rejects with the record, and everything is asked for again', async () => {
  const server = new Server();
  const models = new ModelsManager(server.api, server.events);
  server.answer('GET models', MODELS);
  server.refuse('POST models/delay/rollback', {
    code: 'alias.moved',
    message: 'moved',
    hint: 'Look.'
  });
  await server.open();
  await models.refresh();
  const before = server.count('GET models');
  const rolling = models.rollback('delay', 'worse');
  expect(models.busy).toBe(true);
  await expect(rolling).rejects.toMatchObject({
    record: { code: 'alias.moved', message: 'moved', hint: 'Look.' }
  });
  expect(models.busy).toBe(false);
  expect(server.count('GET models')).toBe(before + 1);
});

test('the details of a version are shown, kept up and hidden', async () => {
  const server = new Server();
  const models = new ModelsManager(server.api, server.events);
  await server.open();
  models.watch();
  await models.toggleDetails('delay', 2);
  expect(models.version).toMatchObject({ model: 'delay', version: 2, details: { kind: 'ready' } });
  await server.tell(asked, started, finished);
  expect(server.count('GET models/delay/versions/2')).toBe(2);
  await models.toggleDetails('delay', 2);
  expect(models.version).toBeNull();
});

test('what keeps one from a verb is said before it is tried', () => {
  const [model] = MODELS.models;
  expect(promoteObstacle(MODELS, model, VERSION)).toBeNull();
  expect(promoteObstacle(MODELS, model, { ...VERSION, version: 1 })).toBe('champion');
  expect(promoteObstacle(MODELS, model, { ...VERSION, verdict: 'fail' })).toBe('gates');
  expect(promoteObstacle({ ...MODELS, may: {} }, model, VERSION)).toBe('role');
  expect(rollbackObstacle(MODELS, model)).toBe('nothing-before');
  expect(rollbackObstacle(MODELS, { ...model, back: 1 })).toBeNull();
  expect(registerObstacle(MODELS, { ...model, declared: false })).toBe('undeclared');
});

test('another query for runs shows the old rows until its own have come', async () => {
  const server = new Server();
  const runs = new RunsManager(server.api, server.events);
  server.answer('GET history', HISTORY);
  await server.open();
  await runs.refresh();
  const found = held();
  server.answer('GET history', found.answer);
  const finding = runs.find({ where: 'metrics.auc > 2', sweep: '' });
  await settled();
  expect(runs.state).toMatchObject({ kind: 'loading', value: HISTORY });
  expect(server.queries[server.queries.length - 1].get('where')).toBe('metrics.auc > 2');
  await found.give({ rows: [], more: false });
  await finding;
  expect(runs.state).toMatchObject({ kind: 'ready', value: { rows: [] } });
});

test('rows of an earlier query that come late are not shown', async () => {
  const server = new Server();
  const runs = new RunsManager(server.api, server.events);
  await server.open();
  const late = held();
  server.answer('GET history', late.answer);
  const first = runs.find({ where: 'status = failed', sweep: '' });
  await settled();
  server.answer('GET history', { rows: [], more: false });
  await runs.find({ where: 'status = waiting', sweep: '' });
  await late.give(HISTORY);
  await first;
  expect(runs.state).toMatchObject({ kind: 'ready', value: { rows: [] } });
});

test('two runs are compared, and a comparison that fails says why', async () => {
  const server = new Server();
  const runs = new RunsManager(server.api, server.events);
  await server.open();
  await runs.compare('a', 'b');
  expect(runs.comparison).toMatchObject({ one: 'a', other: 'b', diff: { kind: 'ready' } });
  server.refuse('GET history/a/diff/c', { code: 'run.not-found' });
  await runs.compare('a', 'c');
  expect(runs.comparison?.diff).toMatchObject({ kind: 'error', value: null });
  runs.closeComparison();
  expect(runs.comparison).toBeNull();
});

test('a sweep that starts closes the form, one that is refused leaves it open', async () => {
  const server = new Server();
  const sweeps = new SweepsManager(server.api, server.events);
  const request = { name: 's', parameters: {}, metric: '', maximize: true, method: '', trials: 0 };
  await server.open();
  sweeps.draft(true);
  server.refuse('POST sweeps', { code: 'sweep.metric' });
  await expect(sweeps.start(request)).rejects.toMatchObject({ record: { code: 'sweep.metric' } });
  expect(sweeps.drafting).toBe(true);
  server.answer('POST sweeps', { name: 's' });
  await sweeps.start(request);
  expect(sweeps.drafting).toBe(false);
  expect(server.count('GET sweeps')).toBe(2);
});

test('resolved alerts are asked for when they are wanted', async () => {
  const server = new Server();
  const alerts = new AlertsManager(server.api, server.events);
  await server.open();
  await alerts.showAll(true);
  expect(server.queries[server.queries.length - 1].get('all')).toBe('true');
  await alerts.snooze('x/1', '7d', '');
  expect(server.requests).toContain('POST alerts/x%2F1/snooze');
  expect(server.count('GET alerts')).toBe(2);
});

test('a job is followed in the project that it was begun in', async () => {
  const server = new Server();
  const alerts = new AlertsManager(server.api, server.events);
  const job = { job: 'j-1', progress: '', state: 'running', result: null, error: null };
  server.answer('POST models/delay/monitor', job);
  server.answer('GET jobs/j-1', {
    ...job,
    state: 'succeeded',
    result: { windows: [], alerts: [] }
  });
  await server.open('/flights');
  const monitoring = alerts.monitor('delay', {}, () => undefined);
  expect(alerts.busy).toBe(true);
  await server.open('/trains');
  await monitoring;
  expect(server.queries[server.requests.indexOf('GET jobs/j-1')].get('folder')).toBe('flights');
  expect(alerts.busy).toBe(false);
});

test('a decision is requested without one being made', async () => {
  const server = new Server();
  const models = new ModelsManager(server.api, server.events);
  await server.open();
  await models.request('delay', 2, 'ready');
  const body = server.bodies[server.requests.indexOf('POST models/delay/request')];
  expect(body).toEqual({ version: 2, reason: 'ready' });
});
