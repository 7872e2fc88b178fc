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
  | RunStarted
  | StepSkipped
  | StepRestored
  | StepStarted
  | CellStarted
  | CellFinished
  | StepSucceeded
  | StepFailedEvent
  | StepRetried
  | Notice
  | RunFinished;
