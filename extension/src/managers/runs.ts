import type { Api } from '../api';
import { segment } from '../api';
import type { DiffView, MlflowView, RunsView } from '../schema';
import type { ProjectEvents } from './events';
import { Resource, type Loadable } from './resource';
import { WatchedManager } from './watched';

export const MOST_RUNS = 200;

/** Which runs: those for which a condition holds, and trials of a sweep instead of runs. */
export interface IRunsQuery {
  where: string;
  sweep: string;
}

/** Two runs beside each other. */
export interface IComparison {
  one: string;
  other: string;
  diff: Loadable<DiffView>;
}

/** Past runs, and the difference of two. */
export class RunsManager extends WatchedManager {
  private _query: IRunsQuery = { where: '', sweep: '' };
  private compared: { one: string; other: string } | null = null;
  private readonly rows: Resource<RunsView>;
  private readonly diff: Resource<DiffView>;

  constructor(
    private readonly api: Api,
    events: ProjectEvents
  ) {
    super(events);
    this.rows = new Resource(() => api.get('history', { ...this._query, limit: MOST_RUNS }));
    this.diff = new Resource(() => {
      const { one, other } = this.compared!;
      return api.get(`history/${segment(one)}/diff/${segment(other)}`);
    });
    this.rows.changed.connect(this.emit, this);
    this.diff.changed.connect(this.emit, this);
  }

  get state(): Loadable<RunsView> {
    return this.rows.state;
  }

  get query(): IRunsQuery {
    return this._query;
  }

  /** The comparison that is open, null when none is. */
  get comparison(): IComparison | null {
    return this.compared && { ...this.compared, diff: this.diff.state };
  }

  async find(query: IRunsQuery): Promise<void> {
    if (query.where !== this._query.where || query.sweep !== this._query.sweep) {
      this._query = query;
      this.rows.reset(false);
      await this.rows.refresh();
    }
  }

  /** Runs by their names, the newest first, whatever is shown. */
  async names(): Promise<string[]> {
    const view = await this.api.get<RunsView>('history', { limit: MOST_RUNS });
    return view.rows.map(row => row.run);
  }

  async compare(one: string, other: string): Promise<void> {
    this.compared = { one, other };
    this.diff.reset();
    await this.diff.refresh();
  }

  closeComparison(): void {
    this.compared = null;
    this.diff.reset();
  }

  /** The address of MLflow's own pages, which are served from now on. */
  mlflow(): Promise<MlflowView> {
    return this.during(this.api.post<MlflowView>('mlflow'));
  }

  refresh(): Promise<void> {
    return this.rows.refresh();
  }

  protected reset(): void {
    this._query = { where: '', sweep: '' };
    this.compared = null;
    this.rows.reset();
    this.diff.reset();
  }
}
