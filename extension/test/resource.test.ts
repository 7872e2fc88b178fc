import { expect, test } from 'vitest';

import { RequestError } from '../src/errors';
import { Resource } from '../src/managers/resource';
import { settled } from './server';

/** A resource whose requests are answered one by one. */
function controlled() {
  const requests: { resolve: (value: string) => void; reject: (error: Error) => void }[] = [];
  const resource = new Resource<string>(
    () => new Promise((resolve, reject) => requests.push({ resolve, reject }))
  );
  return { requests, resource };
}
const refused = new RequestError(409, { code: 'a.code', message: 'no', hint: 'Ask.' });

test('it goes from loading to ready, and an error keeps the value that was known', async () => {
  const { requests, resource } = controlled();
  const first = resource.refresh();
  expect(resource.state).toEqual({ kind: 'loading', value: null });
  requests[0].resolve('one');
  await first;
  expect(resource.state).toEqual({ kind: 'ready', value: 'one' });
  const second = resource.refresh();
  expect(resource.state).toEqual({ kind: 'loading', value: 'one' });
  requests[1].reject(refused);
  await second;
  expect(resource.state).toEqual({ kind: 'error', error: refused.record, value: 'one' });
});

test('while an answer is awaited it is asked for once more, however often that is wanted', async () => {
  const { requests, resource } = controlled();
  void resource.refresh();
  const wanted = [resource.refresh(), resource.refresh()];
  expect(requests.length).toBe(1);
  requests[0].resolve('old');
  await settled();
  expect(requests.length).toBe(2);
  requests[1].resolve('new');
  await Promise.all(wanted);
  expect(resource.state).toEqual({ kind: 'ready', value: 'new' });
  expect(requests.length).toBe(2);
});

test('an answer to what was asked before a reset does not count', async () => {
  const { requests, resource } = controlled();
  void resource.refresh();
  const queued = resource.refresh();
  resource.reset();
  const current = resource.refresh();
  requests[1].resolve('of this project');
  await current;
  requests[0].resolve('of another project');
  await queued;
  expect(resource.state).toEqual({ kind: 'ready', value: 'of this project' });
  expect(requests.length).toBe(2);
});

test('who needs the value gets it, or the reason why there is none', async () => {
  const { requests, resource } = controlled();
  const failing = resource.get();
  requests[0].reject(refused);
  await expect(failing).rejects.toMatchObject({ record: refused.record });
  const value = resource.get();
  requests[1].resolve('one');
  expect(await value).toBe('one');
  expect(await resource.get()).toBe('one');
  expect(requests.length).toBe(2);
});
