import type { Api } from '../api';
import { segment } from '../api';
import type { SweepRequest, SweepSummary, SweepsView } from '../schema';
import type { ProjectEvents } from './events';
import { Resource, type Loadable } from './resource';
import { WatchedManager } from './watched';

/** Sweeps that run or ran, and what a new one may try. */
export class SweepsManager extends WatchedManager {
  private _drafting = false;
  private readonly view: Resource<SweepsView>;

  constructor(
    private readonly api: Api,
    events: ProjectEvents
  ) {
    super(events);
    this.view = new Resource(() => api.get('sweeps'));
    this.view.changed.connect(this.emit, this);
  }

  get state(): Loadable<SweepsView> {
    return this.view.state;
  }

  /** Whether somebody fills in the form of a new one. */
  get drafting(): boolean {
    return this._drafting;
  }

  draft(open: boolean): void {
    this._drafting = open;
    this.emit();
  }

  load(): Promise<SweepsView> {
    return this.latest(this.view);
  }

  async start(request: SweepRequest): Promise<SweepSummary> {
    const summary = await this.act(this.api.post<SweepSummary>('sweeps', request));
    this.draft(false);
    return summary;
  }

  /** Make the parameters of the best trial the project's. */
  async apply(name: string): Promise<void> {
    await this.act(this.api.post(`sweeps/${segment(name)}/apply`));
  }

  refresh(): Promise<void> {
    return this.view.refresh();
  }

  protected reset(): void {
    this._drafting = false;
    this.view.reset();
  }
}
