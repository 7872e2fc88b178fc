import { expect, test } from 'vitest';

import { Server, held } from './server';

const view = (root: string, found = true): object => ({ found, folder: root, name: '', root });

test('a project stays open when the file browser shows a folder without one', async () => {
  const { project, answer, api } = bound();
  answer('GET project', view('flights'));
  await project.enter('flights');
  answer('GET project', view('', false));
  await project.enter('elsewhere');
  expect(project.found).toBe(true);
  expect(project.folder).toBe('elsewhere');
  expect(api.folder).toBe('flights');
});

test('the last folder that was entered counts, whatever is answered last', async () => {
  const { project, answer } = bound();
  const [first, second] = [held(), held()];
  answer('GET project', first.answer);
  const entering = [project.enter('a')];
  await Promise.resolve();
  await new Promise(done => setTimeout(done, 0));
  answer('GET project', second.answer);
  entering.push(project.enter('b'));
  await new Promise(done => setTimeout(done, 0));
  await second.give(view('b'));
  await first.give(view('a'));
  await Promise.all(entering);
  expect(project.view?.root).toBe('b');
});

test('a server that cannot answer is an error until it can', async () => {
  const server = new Server();
  const { project } = server;
  let changes = 0;
  project.changed.connect(() => void changes++);
  server.refuse('GET project', { code: 'settings.broken' });
  await project.enter('flights');
  expect(project.state).toMatchObject({ kind: 'error', error: { code: 'settings.broken' } });
  server.answer('GET project', view('', false));
  await project.enter('flights');
  expect(project.state.kind).toBe('ready');
  expect(project.found).toBe(false);
  server.answer('POST project', view('flights'));
  await project.init();
  expect(project.found).toBe(true);
  expect(changes).toBe(3);
});

function bound() {
  const server = new Server();
  return { project: server.project, api: server.api, answer: server.answer.bind(server) };
}
