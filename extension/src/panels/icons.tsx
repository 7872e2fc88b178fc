import type { Status } from '../state';

const STROKES: Record<Status, string> = {
  fresh: 'M2.5 6.5 5 9l4.500-5.500',
  stale: 'M9.800 4.500A4.200 4.200 0 1 0 10.200 7M10 1.800v2.900H7.100',
  queued: 'M2.500 6h.01M6 6h.01M9.500 6h.01',
  running: 'M3.500 2.300v7.400L10 6z',
  waiting: 'M6 6a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM2.300 10.500c.4-2 1.900-3 3.700-3s3.300 1 3.700 3',
  failed: 'M3 3l6 6M9 3l-6 6',
  skipped: 'M6 10.200a4.200 4.200 0 1 0 0-8.400 4.200 4.200 0 0 0 0 8.400zM3.100 3.100l5.800 5.800'
};

/** A status as a small picture, for those who do not tell its colour from another. */
export function StatusIcon(props: { status: Status }): JSX.Element {
  return (
    <svg className="gm-StatusIcon" width="12" height="12" viewBox="0 0 12 12" aria-hidden="true">
      <path
        d={STROKES[props.status]}
        fill="none"
        stroke="currentColor"
        strokeWidth={props.status === 'queued' ? 2.2 : 1.6}
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </svg>
  );
}
