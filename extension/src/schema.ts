// Written by `python -m gristmill.server.typescript` from the dataclasses of
// gristmill.server.schema and gristmill.events. Do not edit.

export interface ErrorRecord {
  code: string;
  message: string;
  hint: string;
}

export interface ProjectView {
  found: boolean;
  folder: string;
  name: string;
  root: string;
  served: boolean;
  models: string[];
}

export interface InitRequest {
  folder: string;
  name: string | null;
}

export interface FileView {
  name: string;
  path: string | null;
  exists: boolean;
}

export interface StepView {
  name: string;
  notebook: string;
  path: string | null;
  needs: string[];
  inputs: FileView[];
  outputs: FileView[];
  params: Record<string, unknown>;
  cells: number;
  stale: boolean;
  reasons: string[];
}

export interface ParkedView {
  step: string;
  run: string;
  cell: number;
  error: string;
  executed: string;
  at: number;
}

export interface PipelineView {
  project: string;
  steps: StepView[];
  not_steps: Record<string, string>;
  missing: Record<string, string[]>;
  sets: string[];
  parked: ParkedView[];
}

export interface RunWanted {
  targets: string[];
  only: boolean;
  force: boolean;
  keep_failed: boolean;
  params: string | null;
  overrides: Record<string, unknown>;
  workers: number;
  kernel: string;
}

export interface RunAccepted {
  run: string;
}

export interface KernelView {
  id: string;
  executed: string;
  cell: number;
  run: string;
}

export interface RunAsked {
  kind: 'run-asked';
  at: number;
  run: string;
  pid: number;
  started: number;
  trigger: string;
}

export interface RunRefused {
  kind: 'run-refused';
  at: number;
  run: string;
  error: Record<string, string>;
}

export interface RunStarted {
  kind: 'run-started';
  at: number;
  run: string;
  project: string;
  steps: string[];
  workers: number;
}

export interface StepSkipped {
  kind: 'step-skipped';
  at: number;
  run: string;
  step: string;
  reason: string;
  blocked: boolean;
}

export interface StepRestored {
  kind: 'step-restored';
  at: number;
  run: string;
  step: string;
  reason: string;
}

export interface StepStarted {
  kind: 'step-started';
  at: number;
  run: string;
  step: string;
  notebook: string;
  reason: string;
  cells: number;
  attempt: number;
  executed: string;
}

export interface CellStarted {
  kind: 'cell-started';
  at: number;
  run: string;
  step: string;
  cell: number;
  cells: number;
  index: number;
}

export interface CellFinished {
  kind: 'cell-finished';
  at: number;
  run: string;
  step: string;
  cell: number;
  cells: number;
  index: number;
  seconds: number;
}

export interface StepSucceeded {
  kind: 'step-succeeded';
  at: number;
  run: string;
  step: string;
  seconds: number;
  executed: string;
}

export interface StepFailedEvent {
  kind: 'step-failed';
  at: number;
  run: string;
  step: string;
  seconds: number;
  executed: string;
  cell: number;
  error: Record<string, string>;
}

export interface StepWaiting {
  kind: 'step-waiting';
  at: number;
  run: string;
  step: string;
  error: Record<string, string>;
}

export interface StepRetried {
  kind: 'step-retried';
  at: number;
  run: string;
  step: string;
  attempt: number;
  attempts: number;
  seconds: number;
  wait: number;
  executed: string;
  cell: number;
  error: Record<string, string>;
}

export interface Notice {
  kind: 'notice';
  at: number;
  run: string;
  message: string;
  step: string;
}

export interface RunFinished {
  kind: 'run-finished';
  at: number;
  run: string;
  status: string;
  seconds: number;
  ran: number;
  skipped: number;
  failed: number;
}

export type RunEvent =
  | RunAsked
  | RunRefused
  | RunStarted
  | StepSkipped
  | StepRestored
  | StepStarted
  | CellStarted
  | CellFinished
  | StepSucceeded
  | StepFailedEvent
  | StepWaiting
  | StepRetried
  | Notice
  | RunFinished;
