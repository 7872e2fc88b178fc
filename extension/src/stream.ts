import type { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import type { RunEvent } from './schema';

export type Message = RunEvent | { kind: 'caught-up' } | { kind: 'project-changed' };

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15000;

/** Blocks of server-sent events, from text that comes in pieces. */
export class Blocks {
  private rest = '';

  /** The id and the data of every block that is now whole; comments have neither. */
  push(text: string): { id: string; data: string }[] {
    const parts = (this.rest + text).split('\n\n');
    this.rest = parts.pop() ?? '';
    return parts
      .map(part => {
        const block = { id: '', data: '' };
        for (const line of part.split('\n')) {
          if (line.startsWith('id: ')) {
            block.id = line.slice(4);
          } else if (line.startsWith('data: ')) {
            block.data = line.slice(6);
          }
        }
        return block;
      })
      .filter(block => block.data);
  }
}

/**
 * The events of a project. It connects again by itself and goes on where it was. `open` asks for
 * the stream from after an id; an `EventSource` could not send the headers that Jupyter wants.
 */
export class EventStream implements IDisposable {
  private last = '';
  private stopped = new AbortController();
  private _connected = false;
  private readonly _received = new Signal<this, Message[]>(this);
  private readonly _connectedChanged = new Signal<this, boolean>(this);

  constructor(private readonly open: (last: string, signal: AbortSignal) => Promise<Response>) {}

  /** Messages that arrived together, in order. */
  get received(): ISignal<this, Message[]> {
    return this._received;
  }

  get connectedChanged(): ISignal<this, boolean> {
    return this._connectedChanged;
  }

  get connected(): boolean {
    return this._connected;
  }

  get isDisposed(): boolean {
    return this.stopped.signal.aborted;
  }

  dispose(): void {
    this.stopped.abort();
    Signal.clearData(this);
  }

  /** Listen until disposed. */
  async listen(): Promise<void> {
    let wait = FIRST_WAIT_MS;
    while (!this.isDisposed) {
      try {
        const response = await this.open(this.last, this.stopped.signal);
        this.setConnected(true);
        wait = FIRST_WAIT_MS;
        await this.read(response);
      } catch (error) {
        if (!this.isDisposed) {
          console.debug('gristmill: the stream of events broke, again soon', error);
        }
      }
      this.setConnected(false);
      if (!this.isDisposed) {
        await new Promise(done => setTimeout(done, wait));
        wait = Math.min(wait * 2, LONGEST_WAIT_MS);
      }
    }
  }

  private async read(response: Response): Promise<void> {
    const blocks = new Blocks();
    const decoder = new TextDecoder();
    const reader = response.body!.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done || this.isDisposed) {
        return;
      }
      const whole = blocks.push(decoder.decode(value, { stream: true }));
      if (whole.length) {
        this.last = whole[whole.length - 1].id || this.last;
        this._received.emit(whole.map(block => JSON.parse(block.data) as Message));
      }
    }
  }

  private setConnected(connected: boolean): void {
    if (connected !== this._connected) {
      this._connected = connected;
      this._connectedChanged.emit(connected);
    }
  }
}
