import { ServerConnection } from '@jupyterlab/services';
import { expect, test } from 'vitest';

import { Api } from '../src/api';
import { RequestError } from '../src/errors';

function api(status: number, body: string, asked: Request[] = []): Api {
  return new Api(
    ServerConnection.makeSettings({
      baseUrl: 'http://localhost/user/ada/',
      fetch: async request => {
        asked.push(request as Request);
        return new Response(body, { status });
      }
    })
  );
}

test('a request names the folder of the project and quotes it', async () => {
  const asked: Request[] = [];
  const one = api(200, '{"found": true}', asked);
  one.folder = 'my flights & more';
  await one.get('project');
  const url = new URL(asked[0].url);
  expect(url.pathname).toBe('/user/ada/gristmill/project');
  expect(url.searchParams.get('folder')).toBe('my flights & more');
});

test('an error keeps the code, the message and the hint of the server', async () => {
  const record = { code: 'run.busy', message: 'busy', hint: 'Wait.' };
  const failing = api(409, JSON.stringify(record)).post('runs', {});
  await expect(failing).rejects.toBeInstanceOf(RequestError);
  await failing.catch((error: RequestError) => expect(error.record).toEqual(record));
});

test('what is no error record, as of a proxy, is still an error', async () => {
  await api(502, '<html>')
    .get('project')
    .catch((error: RequestError) => expect(error.record.code).toBe('http.502'));
});
