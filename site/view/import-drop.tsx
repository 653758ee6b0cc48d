import { useSignal } from '@preact/signals';
import { ignoreFailure } from '../ignore-failure.ts';
import type { DemoProps } from './demo-props.ts';

/** A place to drop a history file on, which is also the button that chooses one. */
export function ImportDrop({ demo, isDisabled }: DemoProps & { readonly isDisabled: boolean }) {
  const isOver = useSignal(false);
  const importFile = (file: File | undefined): void => {
    if (file !== undefined && !isDisabled) ignoreFailure(demo.importFile(file));
  };
  return (
    <label
      class={isOver.value ? 'drop is-over' : 'drop'}
      onDragOver={(event) => {
        event.preventDefault();
        isOver.value = true;
      }}
      onDragLeave={() => (isOver.value = false)}
      onDrop={(event) => {
        event.preventDefault();
        isOver.value = false;
        importFile(event.dataTransfer?.files[0]);
      }}
    >
      <input
        type="file"
        accept=".jsonl,.ndjson,.json,.txt,application/x-ndjson"
        disabled={isDisabled}
        onChange={(event) => {
          importFile(event.currentTarget.files?.[0]);
          // The same file can be chosen again.
          event.currentTarget.value = '';
        }}
      />
      <strong>Import a file</strong>
      <span class="quiet">
        Drop it here or choose it. JSONL, one item a line: <code>task</code>, <code>input</code>, <code>output</code>,
        and if you like <code>id</code>, <code>date</code>.
      </span>
    </label>
  );
}
