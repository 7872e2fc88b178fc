import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';

import { millIcon } from '../icons';
import type { PipelineManager } from '../managers/pipeline';
import { useChanges } from './hooks';
import { Summary } from './pipeline';

/** The status of the pipeline, in the status bar; a click opens it. */
export class StatusItem extends ReactWidget {
  constructor(
    private readonly pipeline: PipelineManager,
    private readonly trans: TranslationBundle,
    private readonly open: () => void
  ) {
    super();
    this.addClass('gm-Status');
  }

  protected render(): JSX.Element {
    return <Status pipeline={this.pipeline} trans={this.trans} open={this.open} />;
  }
}

function Status(props: {
  pipeline: PipelineManager;
  trans: TranslationBundle;
  open: () => void;
}): JSX.Element {
  const { pipeline, trans, open } = props;
  useChanges(pipeline.changed);
  return (
    <button className="gm-Status-button" title={trans.__('Pipeline')} onClick={open}>
      <millIcon.react tag="span" width="14px" aria-hidden="true" />
      <Summary pipeline={pipeline} trans={trans} />
    </button>
  );
}
