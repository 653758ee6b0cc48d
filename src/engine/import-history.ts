// Imports a history: everything is read, checked and embedded first, then written in one transaction. An abort or a
// fault at any point leaves the history as it was.
import type { HistoryItem } from '../history/history-item.ts';
import type { HistoryStore, EmbeddedItem } from '../history/history-store.ts';
import { parseHistory } from '../history/parse-history.ts';
import { parseAdapters } from '../adapter/adapter-lines.ts';
import { type AdapterRecord, readAdapter } from '../adapter/adapter-record.ts';
import { PersonaPlugError } from '../lib/errors.ts';
import type { OnProgress } from '../lib/progress.ts';
import { yieldToEventLoop } from '../lib/yield-to-event-loop.ts';
import { readWeightAdapter } from '../adapter/weight-adapter.ts';
import type { ItemEmbedder } from './item-embedder.ts';
import type { ImportResult } from './personalizer.ts';

export interface ImportParts {
  readonly store: HistoryStore;
  readonly embed: ItemEmbedder;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
}

export async function importHistory(
  { store, embed, clock }: ImportParts,
  jsonl: string,
  { signal, onProgress }: { readonly signal: AbortSignal; readonly onProgress?: OnProgress | undefined },
): Promise<ImportResult> {
  const parsed = await parseHistory(jsonl, { signal });
  const adapters = await parseAdapters(
    jsonl,
    parsed.map(({ item }) => item),
    clock(),
  );
  for (const adapter of adapters) assertReadable(adapter);
  const isThere = await store.has(
    parsed.map(({ item }) => item),
    (item, vectors) => embed.current(item, vectors) !== null,
  );
  signal.throwIfAborted();
  const entries: EmbeddedItem[] = [];
  const toEmbed: HistoryItem[] = [];
  let partlyEmbedded = 0;
  for (const [index, { item, vectors: given }] of parsed.entries()) {
    if (embed.isPartlyEmbedded(item)) partlyEmbedded += 1;
    if (index % 32 === 31) {
      await yieldToEventLoop();
      signal.throwIfAborted();
    }
    if (isThere.has(item.id)) continue;
    const vectors = given === null ? null : embed.current(item, given);
    if (vectors === null) toEmbed.push(item);
    else entries.push({ item, vectors });
  }
  for await (const step of embed.items(toEmbed, 'history', signal)) {
    if ('stage' in step) onProgress?.(step);
    else entries.push(step);
  }
  const report = (done: number): void =>
    onProgress?.({
      stage: 'store',
      label: 'history',
      done,
      total: entries.length,
      unit: 'items',
      millisecondsLeft: null,
    });
  report(0);
  const { added, replaced, unchanged } = await store.put(entries, { signal, adapters });
  report(entries.length);
  return { added, replaced, unchanged: unchanged + isThere.size, partlyEmbedded };
}

/** What could not be read later would make every answer of its task fail. */
function assertReadable(adapter: AdapterRecord): void {
  try {
    readAdapter(adapter);
    if (adapter.state === 'ready' && adapter.kind !== 'prompt') readWeightAdapter(adapter);
  } catch (cause) {
    throw new PersonaPlugError(
      'invalid-import',
      `The ${adapter.kind} of "${adapter.task}" in the history file cannot be read: ${cause instanceof Error ? cause.message : String(cause)} Nothing was imported; leave its line out and try again.`,
      { cause, details: { task: adapter.task, kind: adapter.kind } },
    );
  }
}
