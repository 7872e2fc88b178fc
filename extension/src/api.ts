import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import type { ErrorRecord } from './schema';

/** What the server refused, in its words. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly record: ErrorRecord
  ) {
    super(record.message);
  }
}

export function recordOf(error: unknown): ErrorRecord {
  if (error instanceof Refused) {
    return error.record;
  }
  const message = error instanceof Error ? error.message : String(error);
  return { code: 'client.unexpected', message, hint: '' };
}

type Query = Record<string, string | number | boolean | null | undefined>;

/** Requests below `<base_url>gristmill/`, about the project of `folder`. */
export class Api {
  folder = '';

  constructor(private readonly settings: ServerConnection.ISettings) {}

  get<T>(path: string, query: Query = {}): Promise<T> {
    return this.ask<T>('GET', path, undefined, query);
  }

  post<T>(path: string, body: object = {}, query: Query = {}): Promise<T> {
    return this.ask<T>('POST', path, body, query);
  }

  put<T>(path: string, body: object = {}, query: Query = {}): Promise<T> {
    return this.ask<T>('PUT', path, body, query);
  }

  delete<T>(path: string, query: Query = {}): Promise<T> {
    return this.ask<T>('DELETE', path, undefined, query);
  }

  /** The reply of the server as it comes, for streams. Throws `Refused`. */
  async fetch(
    method: string,
    path: string,
    body?: object,
    query: Query = {},
    init: RequestInit = {}
  ): Promise<Response> {
    const given = { folder: this.folder, ...query };
    const words = Object.entries(given)
      .filter(([, value]) => value !== undefined && value !== null)
      .map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`);
    const url = URLExt.join(this.settings.baseUrl, 'gristmill', path) + `?${words.join('&')}`;
    const response = await ServerConnection.makeRequest(
      url,
      { ...init, method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) },
      this.settings
    );
    if (!response.ok) {
      throw new Refused(response.status, await errorOf(response));
    }
    return response;
  }

  private async ask<T>(method: string, path: string, body?: object, query?: Query): Promise<T> {
    const response = await this.fetch(method, path, body, query);
    return (await response.json()) as T;
  }
}

/** A word of a path, quoted. */
export function word(text: string): string {
  return encodeURIComponent(text);
}

async function errorOf(response: Response): Promise<ErrorRecord> {
  const text = await response.text();
  try {
    const found = JSON.parse(text);
    if (typeof found.code === 'string' && typeof found.message === 'string') {
      return found;
    }
  } catch {
    // not one of ours: a proxy's page, say
  }
  return { code: `http.${response.status}`, message: response.statusText || text, hint: '' };
}
