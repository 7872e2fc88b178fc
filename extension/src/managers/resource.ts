import { ISignal, Signal } from '@lumino/signaling';

import { RequestError, errorRecord } from '../errors';
import type { ErrorRecord } from '../schema';

/** Something that the server is asked for; `value` is its last answer, null before the first. */
export type Loadable<T> =
  | { readonly kind: 'loading'; readonly value: T | null }
  | { readonly kind: 'error'; readonly error: ErrorRecord; readonly value: T | null }
  | { readonly kind: 'ready'; readonly value: T };

/** Keeps what `load` gives. */
export class Resource<T> {
  private _state: Loadable<T> = { kind: 'loading', value: null };
  private current: Promise<void> | null = null;
  private next: Promise<void> | null = null;
  private epoch = 0;
  private readonly _changed = new Signal<this, void>(this);

  constructor(private readonly load: () => Promise<T>) {}

  get state(): Loadable<T> {
    return this._state;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /**
   * Load again. While an answer is awaited, once more after it: what changed since it was asked for
   * is not in it. Never rejects: an error is a state.
   */
  refresh(): Promise<void> {
    if (this.current === null) {
      return (this.current = this.ask());
    }
    const epoch = this.epoch;
    this.next ??= this.current.then(() => {
      if (epoch === this.epoch) {
        this.next = null;
        return this.refresh();
      }
    });
    return this.next;
  }

  /** The value, asked for unless the last request succeeded. Throws why there is none. */
  async get(): Promise<T> {
    if (this._state.kind !== 'ready') {
      await this.refresh();
    }
    const state: Loadable<T> = this._state;
    switch (state.kind) {
      case 'ready':
        return state.value;
      case 'error':
        throw new RequestError(0, state.error);
      case 'loading':
        throw new Error('Another project was opened.');
    }
  }

  /** Answers on their way no longer count; `forget` the value too. */
  reset(forget = true): void {
    this.epoch++;
    this.current = this.next = null;
    this.set({ kind: 'loading', value: forget ? null : this._state.value });
  }

  private async ask(): Promise<void> {
    const epoch = this.epoch;
    this.set({ kind: 'loading', value: this._state.value });
    let state: Loadable<T>;
    try {
      state = { kind: 'ready', value: await this.load() };
    } catch (error) {
      state = { kind: 'error', error: errorRecord(error), value: this._state.value };
    }
    if (epoch === this.epoch) {
      this.current = null;
      this.set(state);
    }
  }

  private set(state: Loadable<T>): void {
    this._state = state;
    this._changed.emit();
  }
}
