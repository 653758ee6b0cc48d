import { useSignal } from '@preact/signals';
import type { HistoryItem } from 'persona-plug';
import { taskTitle } from '../format.ts';
import { ignoreFailure } from '../ignore-failure.ts';
import { sampleHistories } from '../sample-histories.ts';
import type { DemoProps } from './demo-props.ts';
import { ForgetEverything } from './forget-everything.tsx';
import { ImportDrop } from './import-drop.tsx';

/** How many items are listed before the visitor asks for more. */
const pageLength = 30;

export function HistoryPanel({ demo }: DemoProps) {
  const { items, itemsOfTask, task, phase, job } = demo.state;
  const isBusy = phase.value !== 'ready' || job.value !== null;
  return (
    <section class="card history" aria-labelledby="history-title" data-items={items.value.length}>
      <h2 id="history-title">Your history</h2>
      <p class="quiet">
        {items.value.length === 0
          ? 'Nothing is remembered yet. Bring something you wrote, or borrow a sample.'
          : `${items.value.length} items, in this browser only.`}
      </p>
      <ImportDrop demo={demo} isDisabled={isBusy} />
      <h3>Samples</h3>
      <ul class="samples">
        {sampleHistories.map((sample) => (
          <li key={sample.file}>
            <button
              type="button"
              class="sample"
              disabled={isBusy}
              onClick={() => ignoreFailure(demo.importSample(sample))}
            >
              <strong>{sample.title}</strong>
              <span class="quiet">{sample.description}</span>
            </button>
          </li>
        ))}
      </ul>
      {items.value.length > 0 && (
        <>
          <div class="row">
            <button type="button" disabled={isBusy} onClick={() => ignoreFailure(demo.download())}>
              Export
            </button>
            <ForgetEverything demo={demo} isDisabled={isBusy} />
          </div>
          <details class="items">
            <summary>
              {taskTitle(task.value)}: {itemsOfTask.value.length} items
            </summary>
            <ItemList demo={demo} items={itemsOfTask.value} isDisabled={isBusy} />
          </details>
        </>
      )}
    </section>
  );
}

interface ItemListProps extends DemoProps {
  readonly items: readonly HistoryItem[];
  readonly isDisabled: boolean;
}

function ItemList({ demo, items, isDisabled }: ItemListProps) {
  const shown = useSignal(pageLength);
  // Newest first, for people; the persona sums oldest first.
  const listed = [...items].reverse().slice(0, shown.value);
  return (
    <>
      <ul class="item-list">
        {listed.map((item) => (
          <li key={item.id}>
            <span class="item-output">{item.output}</span>
            <span class="quiet item-date">{item.date ?? 'undated'}</span>
            <button
              type="button"
              class="plain"
              disabled={isDisabled}
              aria-label={`Forget: ${item.output}`}
              onClick={() => ignoreFailure(demo.forget(item.id))}
            >
              Forget
            </button>
          </li>
        ))}
      </ul>
      {listed.length < items.length && (
        <button type="button" class="plain" onClick={() => (shown.value += pageLength)}>
          Show more
        </button>
      )}
    </>
  );
}
