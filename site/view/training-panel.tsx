import type { AdapterKind } from 'persona-plug';
import { Fragment } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { taskTitle } from '../format.ts';
import { ignoreFailure } from '../ignore-failure.ts';
import { aTraining } from '../trainer-state.ts';
import type { DemoProps } from './demo-props.ts';
import { LossChart } from './loss-chart.tsx';
import { StaleTraining } from './stale-training.tsx';
import { TrainingProgress } from './training-progress.tsx';
import { DiscardedTraining, StoredTraining } from './training-result.tsx';

const kinds: readonly { readonly kind: AdapterKind; readonly title: string }[] = [
  { kind: 'prompt', title: 'Personal prompt (rows)' },
  { kind: 'lora', title: 'LoRA (weights)' },
  { kind: 'ia3', title: '(IA)³ (scales of activations)' },
];
const passCounts = [1, 2, 4] as const;

/** Training on the items of the chosen task, here in the tab. Nothing starts without a click. */
export function TrainingPanel({ demo }: DemoProps) {
  const { task, itemsOfTask } = demo.state;
  const { running, stored } = demo.trainer.state;
  const panel = useRef<HTMLElement>(null);
  const isUsed = useRef(false);
  // The keyboard stays in the panel when the button that it was on is gone.
  useLayoutEffect(() => {
    if (!isUsed.current || document.activeElement !== document.body) return;
    panel.current?.querySelector<HTMLElement>('button:not(:disabled)')?.focus({ preventScroll: true });
    isUsed.current = running.value !== null;
  }, [running.value === null, stored.value]);
  return (
    <section
      ref={panel}
      class="card training"
      aria-labelledby="training-title" // Before the button's own click, which may take the button away.
      onClickCapture={() => (isUsed.current = true)}
    >
      <h2 id="training-title">Train on my items</h2>
      <p class="quiet">
        {itemsOfTask.value.length} items of the task {taskTitle(task.value)}, in this tab. The newest tenth tells
        whether it helps, and is learned last; what does not help is not kept. Forgetting an item erases what was
        trained on it, and asks whether to train again.
      </p>
      {running.value === null ? <TrainingDesk demo={demo} /> : <TrainingProgress demo={demo} running={running.value} />}
    </section>
  );
}

/** What can be done while nothing is trained. */
function TrainingDesk({ demo }: DemoProps) {
  const { task, phase, job } = demo.state;
  const { ended, stored } = demo.trainer.state;
  const isDisabled = phase.value !== 'ready' || job.value !== null;
  const last = ended.value?.task === task.value ? ended.value : null;
  return (
    <>
      <TrainingForm demo={demo} isDisabled={isDisabled} />
      <TrainingFailure demo={demo} />
      {last !== null && <LossChart curve={last.curve} steps={last.steps} />}
      {last !== null && <DiscardedTraining ended={last} />}
      {kinds.map(({ kind }) => {
        const ofKind = stored.value.filter((adapter) => adapter.kind === kind);
        const kept = ofKind.filter(({ state }) => state !== 'stale');
        const stale = ofKind.find(({ state }) => state === 'stale');
        const name = { task: task.value, kind };
        // A paused training is already the answer to what became of the stale one.
        const isAsked = stale !== undefined && kept.every(({ state }) => state !== 'running');
        return (
          <Fragment key={kind}>
            {kept.length > 0 && (
              <StoredTraining
                demo={demo}
                name={name}
                stored={kept}
                ended={last?.kind === kind ? last : null}
                isDisabled={isDisabled}
              />
            )}
            {isAsked && <StaleTraining demo={demo} name={name} stale={stale} isDisabled={isDisabled} />}
          </Fragment>
        );
      })}
    </>
  );
}

function TrainingForm({ demo, isDisabled }: DemoProps & { readonly isDisabled: boolean }) {
  const { kind, passes, pausesWhenHidden } = demo.trainer.state;
  return (
    <div class="row">
      <label class="row">
        <span class="quiet">What is trained</span>
        <select
          value={kind.value}
          onChange={(event) => {
            const chosen = kinds.find((known) => known.kind === event.currentTarget.value);
            if (chosen !== undefined) kind.value = chosen.kind;
          }}
        >
          {kinds.map(({ kind: known, title }) => (
            <option key={known} value={known} selected={known === kind.value}>
              {title}
            </option>
          ))}
        </select>
      </label>
      <label class="row">
        <span class="quiet">Passes, at most</span>
        <select value={passes.value} onChange={(event) => (passes.value = Number(event.currentTarget.value))}>
          {passCounts.map((count) => (
            <option key={count} value={count} selected={count === passes.value}>
              {count}
            </option>
          ))}
        </select>
      </label>
      <label class="row">
        <input
          type="checkbox"
          checked={pausesWhenHidden.value}
          onChange={(event) => (pausesWhenHidden.value = event.currentTarget.checked)}
        />
        <span class="quiet">Pause while this tab is hidden</span>
      </label>
      <button
        type="button"
        disabled={isDisabled}
        onClick={() => ignoreFailure(demo.trainer.start({ task: demo.state.task.value, kind: kind.value }))}
      >
        Train {aTraining(kind.value)}
      </button>
    </div>
  );
}

/** Why a training was refused or ended, where it was asked for. */
function TrainingFailure({ demo }: DemoProps) {
  const { failure } = demo.trainer.state;
  if (failure.value === null) return null;
  return (
    <div class="failure" role="alert">
      <div>
        <p>
          <strong>{failure.value.title}</strong>
        </p>
        <p>{failure.value.message}</p>
        <p class="quiet">
          <code>{failure.value.code}</code>
        </p>
      </div>
      <button type="button" onClick={() => (failure.value = null)}>
        Dismiss
      </button>
    </div>
  );
}
