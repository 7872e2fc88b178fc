import { LabIcon } from '@jupyterlab/ui-components';

const SVG = `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
<g class="jp-icon3" fill="#616161">
<path d="M5 2h5a1 1 0 0 1 1 1v3a1 1 0 0 1-1 1H8.500v2.500h7V9a1 1 0 0 1 1-1H20a1 1 0 0 1 1 1v3a1 1 0 0 1-1 1h-3.500v-2h-1v5.500H8.500V18H10a1 1 0 0 1 1 1v3a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1v-3a1 1 0 0 1 1-1h1.500V7H5a1 1 0 0 1-1-1V3a1 1 0 0 1 1-1zm3.500 9.500v3h5v-3z"/>
</g></svg>`;

export const millIcon = new LabIcon({ name: 'gristmill:pipeline', svgstr: SVG });
