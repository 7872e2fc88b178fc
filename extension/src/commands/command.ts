import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Dialog, Notification, showDialog, type ICommandPalette } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { LabIcon } from '@jupyterlab/ui-components';
import type { ReadonlyJSONObject, ReadonlyPartialJSONObject } from '@lumino/coreutils';
import type { ISignal } from '@lumino/signaling';
import { Widget } from '@lumino/widgets';

import { errorRecord } from '../errors';
import type { Report } from '../managers/jobs';
import type { ErrorRecord } from '../schema';

export const CATEGORY = 'Gristmill';
/** JupyterLab cuts notices that are longer. */
const LONGEST_NOTICE = 140;
const DONE_MS = 8000;

type Type = IOutcome['kind'] | 'in-progress';

export type Arguments = ReadonlyPartialJSONObject;

/** Runs a command of the application; how panels do what they do not only draw. */
export type Execute = (command: string, args?: Arguments) => void;

/** A verb as a command, `gristmill:NAME`. */
export interface ICommand {
  name: string;
  label: string;
  caption: string;
  icon?: LabIcon;
  /** JSON schemas of its arguments. */
  args?: ReadonlyJSONObject;
  /** Whether it is of no use without arguments, and not in the palette. */
  hidden?: boolean;
  isEnabled?: (args: Arguments) => boolean;
  /**
   * Returns what it did as a sentence, when that is not seen anyway. What it says to `report` while
   * it goes on is a notice.
   */
  execute: (args: Arguments, report: Report) => Result | Promise<Result>;
}

/** How a command ended, where that is more than one sentence or no plain success. */
export interface IOutcome {
  kind: 'success' | 'warning' | 'error';
  message: string;
  /** Paragraphs, which open as a dialog. */
  details?: readonly string[];
}

type Result = string | IOutcome | void;

/**
 * Add the commands, and those that need no arguments to the palette. `changed` says when they may be
 * enabled or not. What a command did, or why it failed, is a notice.
 */
export function addCommands(
  app: JupyterFrontEnd,
  commands: readonly ICommand[],
  places: { palette: ICommandPalette | null; trans: TranslationBundle; rank: number },
  changed: readonly ISignal<unknown, unknown>[]
): void {
  const { palette, trans, rank } = places;
  commands.forEach((command, index) => {
    const id = `gristmill:${command.name}`;
    app.commands.addCommand(id, {
      label: command.label,
      caption: command.caption,
      icon: command.icon,
      describedBy: { args: { type: 'object', properties: command.args ?? {} } },
      isEnabled: args => command.isEnabled?.(args) ?? true,
      execute: async args => {
        const notice = new Notice(trans);
        try {
          const result = await command.execute(args, text => notice.progress(text));
          notice.end(typeof result === 'string' ? { kind: 'success', message: result } : result);
        } catch (error) {
          notice.fail(errorRecord(error));
        }
      }
    });
    if (!command.hidden) {
      palette?.addItem({ command: id, category: CATEGORY, rank: rank + index });
    }
  });
  const notify = (): void => {
    commands.forEach(({ name }) => app.commands.notifyCommandChanged(`gristmill:${name}`));
  };
  changed.forEach(signal => signal.connect(notify));
}

/** What a command says: how far it is, then how it ended. */
class Notice {
  private id: string | null = null;

  constructor(private readonly trans: TranslationBundle) {}

  /** One that a person has closed comes back with the end only. */
  progress(message: string): void {
    if (this.id === null) {
      this.id = Notification.emit(message, 'in-progress', { autoClose: false });
    } else {
      Notification.update({ id: this.id, message });
    }
  }

  /** A success closes by itself; what is long opens as a dialog. */
  end(outcome: IOutcome | void): void {
    if (!outcome) {
      if (this.id !== null) {
        Notification.dismiss(this.id);
      }
      return;
    }
    const { kind, message, details = [] } = outcome;
    const whole = !details.length && message.length <= LONGEST_NOTICE;
    this.show(message, kind, {
      autoClose: kind === 'success' && whole ? DONE_MS : false,
      actions: whole
        ? []
        : [details.length ? this.readAll(message, details) : this.readAll('', [message])]
    });
  }

  /** Stays until it is closed. */
  fail({ code, message, hint }: ErrorRecord): void {
    const text = [message, hint].filter(Boolean).join(' ');
    const whole = text.length <= LONGEST_NOTICE;
    this.show(text, 'error', {
      autoClose: false,
      actions: whole ? [] : [this.readAll(code, [message, hint].filter(Boolean))]
    });
  }

  private show(message: string, type: Type, options: Notification.IOptions<never>): void {
    const { id } = this;
    if (id === null || !Notification.update({ id, message, type, ...options })) {
      Notification.emit(message, type, options);
    }
  }

  private readAll(title: string, paragraphs: readonly string[]): Notification.IAction {
    return {
      label: this.trans.__('Read all'),
      callback: () => {
        void showDialog({
          title: title ? this.trans.__('Gristmill: %1', title) : this.trans.__('Gristmill'),
          body: paragraphBody(paragraphs),
          buttons: [Dialog.okButton({ label: this.trans.__('Close') })]
        });
      }
    };
  }
}

function paragraphBody(paragraphs: readonly string[]): Widget {
  const body = new Widget();
  for (const text of paragraphs) {
    const paragraph = document.createElement('p');
    paragraph.textContent = text;
    body.node.append(paragraph);
  }
  return body;
}
