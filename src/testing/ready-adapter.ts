// Adapters that were trained to the end, as a training leaves them in a history.
import type { Adapter, AdapterResult } from '../adapter/adapter.ts';
import { type AdapterRecord, writeResult, writeSettings } from '../adapter/adapter-record.ts';
import { checkTrainingOptions } from '../adapter/training-options.ts';
import type { HistoryStore } from '../history/history-store.ts';
import type { Tensor } from '../model-package/tensor.ts';
import { writeSafetensors } from '../model-package/write-safetensors.ts';

export interface ReadyAdapter extends Pick<Adapter, 'task' | 'kind' | 'base' | 'plug' | 'languageModel' | 'itemIds'> {
  /** @defaultValue 'one' */
  readonly run?: string;
  /** @defaultValue 0 */
  readonly finishedAt?: number;
  readonly tensors: ReadonlyMap<string, Tensor>;
}

/** Keeps an adapter, its losses made up; false when an item of it is not there. */
export async function keepReadyAdapter(store: HistoryStore, adapter: ReadyAdapter): Promise<boolean> {
  const record = recordOf(adapter);
  return (await store.startAdapter(record)) && (await store.keepAdapter(record));
}

function recordOf({
  run = 'one',
  finishedAt = 0,
  tensors,
  itemIds,
  task,
  kind,
  ...models
}: ReadyAdapter): AdapterRecord {
  const losses = { trainedItems: 1, heldOutItems: 1, startLoss: 2, loss: 1, pass: 1, loraScale: 1 };
  const result: AdapterResult = { ...losses, finishedAt };
  return {
    task,
    kind,
    state: 'ready',
    run,
    items: itemIds,
    settings: writeSettings({ ...models, options: checkTrainingOptions({ kind, seed: 7 }), startedAt: 5 }),
    description: writeResult(models, result),
    tensors: writeSafetensors(tensors),
  };
}
