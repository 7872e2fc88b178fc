import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Dialog, Notification, showDialog, type ICommandPalette } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { LabIcon } from '@jupyterlab/ui-components';
import type { ReadonlyJSONObject, ReadonlyPartialJSONObject } from '@lumino/coreutils';
import type { ISignal } from '@lumino/signaling';

import { errorRecord } from '../errors';
import type { ErrorRecord } from '../schema';

export const CATEGORY = 'Gristmill';
/** JupyterLab cuts notices that are longer. */
const LONGEST_NOTICE = 140;
const DONE_MS = 8000;

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
  /** Returns what it did as a sentence, when that is not seen anyway. */
  execute: (args: Arguments) => Promise<string | void> | string | void;
}

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
        try {
          const message = await command.execute(args);
          if (message) {
            Notification.success(message, { autoClose: DONE_MS });
          }
        } catch (error) {
          notifyError(errorRecord(error), trans);
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

/** A notice that stays until it is closed; a long one opens as a dialog. */
function notifyError(record: ErrorRecord, trans: TranslationBundle): void {
  const text = [record.message, record.hint].filter(Boolean).join(' ');
  const whole = text.length <= LONGEST_NOTICE;
  Notification.error(text, {
    autoClose: false,
    actions: whole
      ? []
      : [
          {
            label: trans.__('Read all'),
            callback: () => {
              void showDialog({
                title: trans.__('Gristmill: %1', record.code),
                body: [record.message, record.hint].filter(Boolean).join('\n\n'),
                buttons: [Dialog.okButton({ label: trans.__('Close') })]
              });
            }
          }
        ]
  });
}
