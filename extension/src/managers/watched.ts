import { DisposableDelegate, type IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import type { ProjectEvents } from './events';
import type { Resource } from './resource';

/**
 * A part of the project that is asked for while somebody looks at it, and again when a run has
 * ended, the project's files have changed or a verb of its own is done.
 */
export abstract class WatchedManager {
  private watchers = 0;
  private verbs = 0;
  private readonly _changed = new Signal<this, void>(this);

  constructor(events: ProjectEvents) {
    events.opened.connect(() => {
      this.reset();
      this.refreshIfWatched();
    }, this);
    events.runEnded.connect(() => this.refreshIfWatched(), this);
    events.projectChanged.connect(() => this.refreshIfWatched(), this);
  }

  /** Something to draw is different. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Whether a verb is on its way. */
  get busy(): boolean {
    return this.verbs > 0;
  }

  /** Look at it until the result is disposed. */
  watch(): IDisposable {
    this.watchers++;
    void this.refresh();
    return new DisposableDelegate(() => this.watchers--);
  }

  /** Ask for everything again. */
  abstract refresh(): Promise<void>;

  /** Forget everything: another project is open. */
  protected abstract reset(): void;

  protected emit(): void {
    this._changed.emit();
  }

  /** The value of a resource as it is now: when nobody looks, what is known may be old. */
  protected latest<T>(resource: Resource<T>): Promise<T> {
    if (this.watchers === 0) {
      resource.reset(false);
    }
    return resource.get();
  }

  /** Busy until `answer` is there. */
  protected async during<T>(answer: Promise<T>): Promise<T> {
    this.verbs++;
    this.emit();
    try {
      return await answer;
    } finally {
      this.verbs--;
      this.emit();
    }
  }

  /** Do a verb; what it changed is known when the result resolves or rejects. */
  protected act<T>(verb: Promise<T>): Promise<T> {
    return this.during(verb.finally(() => this.refresh()));
  }

  private refreshIfWatched(): void {
    if (this.watchers) {
      void this.refresh();
    }
  }
}
