import type { TranslationBundle } from '@jupyterlab/translation';

import type { IGristmill } from '../tokens';

export function Pipeline(props: { gristmill: IGristmill; trans: TranslationBundle }): JSX.Element {
  return <h2>{props.gristmill.project.view?.name}</h2>;
}
