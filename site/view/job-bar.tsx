import { useEffect } from 'preact/hooks';
import type { Progress } from 'persona-plug';
import { formatBytes, formatDuration } from '../format.ts';
import type { DemoProps } from './demo-props.ts';

/** Long enough to read it twice; what it says is on the page as well. */
const noticeMilliseconds = 10_000;

const stageNames: Readonly<Record<Progress['stage'], string>> = {
  download: 'Fetching',
  verify: 'Checking',
  load: 'Loading',
  'self-test': 'Testing',
  embed: 'Embedding',
  store: 'Storing',
  migrate: 'Updating',
  prefill: 'Reading',
};

/** The long step that is running: what, how far, how long yet, and a way out. */
export function JobBar({ demo }: DemoProps) {
  const job = demo.state.job.value;
  const notice = demo.state.notice.value;
  useEffect(() => {
    if (notice === '') return undefined;
    const timer = setTimeout(() => (demo.state.notice.value = ''), noticeMilliseconds);
    return () => clearTimeout(timer);
  }, [notice]);
  return (
    <div class={job !== null ? 'job' : notice === '' ? 'job is-idle' : 'job is-notice'}>
      <p class="job-text" role="status">
        {job === null ? notice : job.title}
      </p>
      {job !== null && (
        <>
          <progress
            aria-label={job.title}
            {...(job.progress?.total == null ? {} : { value: job.progress.done, max: Math.max(1, job.progress.total) })}
          />
          <p class="quiet job-detail">{job.progress === null ? 'Starting …' : describe(job.progress)}</p>
          <button type="button" onClick={job.cancel}>
            Cancel
          </button>
        </>
      )}
      {job === null && notice !== '' && (
        <button type="button" class="plain" onClick={() => (demo.state.notice.value = '')}>
          Dismiss
        </button>
      )}
    </div>
  );
}

function describe({ stage, label, done, total, unit, millisecondsLeft }: Progress): string {
  const count = (value: number): string => (unit === 'bytes' ? formatBytes(value) : String(value));
  const amount = total === null ? count(done) : `${count(done)} of ${count(total)}${unit === 'items' ? ' items' : ''}`;
  const left = millisecondsLeft === null ? '' : ` · ${formatDuration(millisecondsLeft)} left`;
  return `${stageNames[stage]} ${label} · ${amount}${left}`;
}
