import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import { RequestError } from './errors';
import type { ErrorRecord } from './schema';

type Query = Record<string, string | number | boolean | null | undefined>;

/** Requests below `<base_url>gristmill/`, about the project of `folder`. */
export class Api {
  folder = '';

  constructor(private readonly settings: ServerConnection.ISettings) {}

  get<T>(path: string, query: Query = {}): Promise<T> {
    return this.request<T>('GET', path, undefined, query);
  }

  post<T>(path: string, body: object = {}, query: Query = {}): Promise<T> {
    return this.request<T>('POST', path, body, query);
  }

  put<T>(path: string, body: object = {}, query: Query = {}): Promise<T> {
    return this.request<T>('PUT', path, body, query);
  }

  delete<T>(path: string, query: Query = {}): Promise<T> {
    return this.request<T>('DELETE', path, undefined, query);
  }

  /** The response as it comes, for streams. Throws `RequestError`. */
  async fetch(
    method: string,
    path: string,
    body?: object,
    query: Query = {},
    init: RequestInit = {}
  ): Promise<Response> {
    const pairs = Object.entries({ folder: this.folder, ...query })
      .filter(([, value]) => value !== undefined && value !== null)
      .map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`);
    const url = URLExt.join(this.settings.baseUrl, 'gristmill', path) + `?${pairs.join('&')}`;
    const response = await ServerConnection.makeRequest(
      url,
      { ...init, method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) },
      this.settings
    );
    if (!response.ok) {
      throw new RequestError(response.status, await recordIn(response));
    }
    return response;
  }

  private async request<T>(method: string, path: string, body?: object, query?: Query): Promise<T> {
    const response = await this.fetch(method, path, body, query);
    return (await response.json()) as T;
  }
}

/** A name as one segment of a path. */
export function segment(name: string): string {
  return encodeURIComponent(name);
}

async function recordIn(response: Response): Promise<ErrorRecord> {
  const text = await response.text();
  try {
    const record = JSON.parse(text) as Partial<ErrorRecord> | null;
    if (typeof record?.code === 'string' && typeof record.message === 'string') {
      return { code: record.code, message: record.message, hint: record.hint ?? '' };
    }
  } catch {
    // not one of ours: a proxy's page, say
  }
  return { code: `http.${response.status}`, message: response.statusText || text, hint: '' };
}
