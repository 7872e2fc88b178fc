import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';

import { millIcon } from '../icons';
import type { IGristmill } from '../tokens';
import { useChanges } from './hooks';
import { Summary } from './pipeline';

/** How the pipeline stands, in the status bar; a click opens it. */
export class StatusItem extends ReactWidget {
  constructor(
    private readonly gristmill: IGristmill,
    private readonly trans: TranslationBundle,
    private readonly open: () => void
  ) {
    super();
    this.addClass('gm-Status');
  }

  protected render(): JSX.Element {
    return <Status gristmill={this.gristmill} trans={this.trans} open={this.open} />;
  }
}

function Status(props: {
  gristmill: IGristmill;
  trans: TranslationBundle;
  open: () => void;
}): JSX.Element {
  const { pipeline } = props.gristmill;
  useChanges(pipeline.changed);
  return (
    <button className="gm-Status-button" title={props.trans.__('Pipeline')} onClick={props.open}>
      <millIcon.react tag="span" width="14px" aria-hidden="true" />
      <Summary pipeline={pipeline} trans={props.trans} />
    </button>
  );
}
