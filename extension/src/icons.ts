import { LabIcon } from '@jupyterlab/ui-components';

const SVG = `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
<g class="jp-icon3" fill="#616161">
<path d="M5 2h5a1 1 0 0 1 1 1v3a1 1 0 0 1-1 1H8.500v2.500h7V9a1 1 0 0 1 1-1H20a1 1 0 0 1 1 1v3a1 1 0 0 1-1 1h-3.500v-2h-1v5.500H8.500V18H10a1 1 0 0 1 1 1v3a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1v-3a1 1 0 0 1 1-1h1.500V7H5a1 1 0 0 1-1-1V3a1 1 0 0 1 1-1zm3.500 9.500v3h5v-3z"/>
</g></svg>`;

export const millIcon = new LabIcon({ name: 'gristmill:pipeline', svgstr: SVG });

function icon(name: string, path: string): LabIcon {
  const shape = `<g class="jp-icon3" fill="#616161"><path d="${path}"/></g>`;
  const svgstr = `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">${shape}</svg>`;
  return new LabIcon({ name: `gristmill:${name}`, svgstr });
}

export const stepIcon = icon(
  'step',
  'M3 5h8v2H3zm12 0h6v2h-6zM11 3h4v6h-4zM3 17h8v2H3zm12 0h6v2h-6zM11 15h4v6h-4zM3 11h4v2H3zm8 0h10v2H11zM6 9h4v6H6z'
);
export const runsIcon = icon('runs', 'M3 3h2v16h16v2H3zm4 10h3v4H7zm5-6h3v10h-3zm5 3h3v7h-3z');
export const modelsIcon = icon(
  'models',
  'M12 2l9 5v10l-9 5-9-5V7zm0 2.300L6.100 7.500 12 10.800l5.900-3.300zM5 9.200v6.600l6 3.400v-6.700zm14 0l-6 3.300v6.700l6-3.400z'
);
export const alertsIcon = icon(
  'alerts',
  'M12 2a2 2 0 0 1 2 2v.600a6 6 0 0 1 4 5.700V15l2 3H4l2-3v-4.700a6 6 0 0 1 4-5.700V4a2 2 0 0 1 2-2zm-2.500 17.500h5a2.500 2.500 0 0 1-5 0z'
);
