import { ServerConnection } from '@jupyterlab/services';

import { Api } from '../src/api';
import { ProjectEvents } from '../src/managers/events';
import { ProjectManager } from '../src/managers/project';
import type { ErrorRecord } from '../src/schema';

type Answer = object | (() => object | Promise<object>);

/** A server whose answers a test sets, and whose stream of events it writes. */
export class Server {
  /** What was asked: `GET models`, without the query. */
  readonly requests: string[] = [];
  readonly bodies: unknown[] = [];
  readonly queries: URLSearchParams[] = [];
  readonly api: Api;
  readonly project: ProjectManager;
  readonly events: ProjectEvents;
  private readonly answers = new Map<string, Answer>();
  private stream: ReadableStreamDefaultController<Uint8Array> | null = null;
  private at = 0;

  constructor() {
    const settings = ServerConnection.makeSettings({
      baseUrl: 'http://localhost/',
      fetch: async input => this.reply(input as Request)
    });
    this.api = new Api(settings);
    this.project = new ProjectManager(this.api);
    this.events = new ProjectEvents(this.api, this.project);
  }

  answer(request: string, answer: Answer): void {
    this.answers.set(request, answer);
  }

  refuse(request: string, record: Partial<ErrorRecord> = {}): void {
    this.answer(request, () => {
      throw new Refusal({ code: 'a.code', message: 'no', hint: '', ...record });
    });
  }

  count(request: string): number {
    return this.requests.filter(one => one === request).length;
  }

  /** Open a project in which `history` has happened. */
  async open(root = '/flights', ...history: object[]): Promise<void> {
    const view = {
      found: true,
      folder: root.slice(1),
      name: 'flights',
      root,
      served: true,
      trusted: true
    };
    this.answer('GET project', { ...view, models: [] });
    await this.project.enter(root.slice(1));
    await this.tell(...history, { kind: 'caught-up' });
  }

  /** Write messages into the stream, as one piece. */
  async tell(...messages: object[]): Promise<void> {
    await until(() => this.stream !== null);
    const text = messages.map(message => {
      const data = JSON.stringify({ at: ++this.at, ...message });
      return `id: a:${this.at}\ndata: ${data}\n\n`;
    });
    this.stream!.enqueue(new TextEncoder().encode(text.join('')));
    await settled();
  }

  private async reply(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const asked = `${request.method} ${url.pathname.replace('/gristmill/', '')}`;
    if (asked === 'GET events') {
      return new Response(new ReadableStream({ start: control => void (this.stream = control) }));
    }
    this.requests.push(asked);
    this.queries.push(url.searchParams);
    this.bodies.push(request.method === 'POST' ? await request.json() : null);
    const answer = this.answers.get(asked) ?? {};
    try {
      const value =
        typeof answer === 'function' ? await (answer as () => object | Promise<object>)() : answer;
      return new Response(JSON.stringify(value));
    } catch (error) {
      return new Response(JSON.stringify((error as Refusal).record), { status: 409 });
    }
  }
}

class Refusal extends Error {
  constructor(readonly record: ErrorRecord) {
    super(record.message);
  }
}

/** Until everything that was on its way has arrived. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) {
    await new Promise(done => setTimeout(done, 0));
  }
}

export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) {
    await new Promise(done => setTimeout(done, 0));
  }
}

/** An answer that is given when the test says so. */
export function held(): { answer: () => Promise<object>; give: (value: object) => Promise<void> } {
  let give: (value: object) => void = () => undefined;
  return {
    answer: () => new Promise<object>(resolve => (give = resolve)),
    give: async value => {
      give(value);
      await settled();
    }
  };
}

export const asked = { kind: 'run-asked', run: 'a', trigger: 'user', pid: 1, started: 0 };
export const started = { kind: 'run-started', run: 'a', steps: ['grow', 'grind'] };
export const finished = { kind: 'run-finished', run: 'a', status: 'succeeded', seconds: 2 };
