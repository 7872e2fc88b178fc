import type { Api } from '../api';
import { segment } from '../api';
import type { AlertsView, AlertView, MonitorRequest, PageView } from '../schema';
import type { ProjectEvents } from './events';
import { runJob, type Report } from './jobs';
import { Resource, type Loadable } from './resource';
import { WatchedManager } from './watched';

/** What the command shows of a model's monitoring. */
export interface IMonitored {
  windows: readonly unknown[];
  /** Those that are open. */
  alerts: readonly unknown[];
}

export interface IRepaired {
  /** promoted, waiting, kept, failed, gave-up or rolled-back. */
  outcome: string;
  summary: string;
}

/** What monitoring found, and the verbs that answer it. */
export class AlertsManager extends WatchedManager {
  private _all = false;
  private readonly view: Resource<AlertsView>;

  constructor(
    private readonly api: Api,
    events: ProjectEvents
  ) {
    super(events);
    this.view = new Resource(() => api.get('alerts', { all: this._all }));
    this.view.changed.connect(this.emit, this);
  }

  get state(): Loadable<AlertsView> {
    return this.view.state;
  }

  /** Whether resolved ones are shown too. */
  get all(): boolean {
    return this._all;
  }

  async showAll(all: boolean): Promise<void> {
    this._all = all;
    this.view.reset(false);
    await this.view.refresh();
  }

  load(): Promise<AlertsView> {
    return this.latest(this.view);
  }

  acknowledge(alert: string, reason: string): Promise<AlertView> {
    return this.act(this.api.post(`alerts/${segment(alert)}/acknowledge`, { reason }));
  }

  /** `until` is a length: `4h`, `7d`. */
  snooze(alert: string, until: string, reason: string): Promise<AlertView> {
    return this.act(this.api.post(`alerts/${segment(alert)}/snooze`, { reason, until }));
  }

  resolve(alert: string, reason: string): Promise<AlertView> {
    return this.act(this.api.post(`alerts/${segment(alert)}/resolve`, { reason }));
  }

  /** Evaluate a model's windows; with another `window` or `start` nothing is written. */
  monitor(model: string, wanted: Partial<MonitorRequest>, report: Report): Promise<IMonitored> {
    return this.act(runJob(this.api, `models/${segment(model)}/monitor`, wanted, report));
  }

  /** Act on the open alerts of a model; null when none asks for it. `now` is an ISO time or ''. */
  repair(model: string, now: string, report: Report): Promise<IRepaired | null> {
    return this.act(runJob(this.api, `models/${segment(model)}/repair`, { now }, report));
  }

  /** The stored reports of a model as a page. */
  dashboard(model: string): Promise<PageView> {
    return this.during(this.api.get<PageView>('dashboard', { model }));
  }

  refresh(): Promise<void> {
    return this.view.refresh();
  }

  protected reset(): void {
    this._all = false;
    this.view.reset();
  }
}
