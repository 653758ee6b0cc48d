// From a request to what the history has to say to it: vectors, weights, gate, rows. Read in one transaction, so that
// an item that changes meanwhile is wholly there or wholly not.
import type { ItemVectors } from '../history/history-item.ts';
import type { HistoryStore, ItemProjection, RecalledItem } from '../history/history-store.ts';
import { PersonaPlugError } from '../lib/errors.ts';
import { parseDate } from '../lib/parse-date.ts';
import type { Progress } from '../lib/progress.ts';
import { yieldToEventLoop } from '../lib/yield-to-event-loop.ts';
import { type Attention, attend, type Persona, personaOf } from '../persona/persona.ts';
import type { Plug } from '../persona/plug.ts';
import { projectItem } from '../persona/projector.ts';
import type { ItemEmbedder } from './item-embedder.ts';
import type { Explanation, GenerateRequest } from './personalizer.ts';

export interface RecollectionParts {
  readonly store: HistoryStore;
  readonly plug: Plug;
  readonly embed: ItemEmbedder;
  readonly clock: () => number;
}

export interface Recollection {
  readonly explanation: Explanation;
  /** Null when no persona is used. */
  readonly persona: Persona | null;
}

/** An item with vectors of the present embedder. */
interface ReadyItem {
  readonly id: string;
  readonly date: string | null;
  readonly input: Float32Array;
  readonly recalled: RecalledItem;
  readonly vectors: ItemVectors;
}

/** Written in batches, so that an abort keeps what was done. */
const batchSize = 32;

/** Yields progress while items of another embedder are embedded anew; returns explanation and persona. */
export async function* recollect(
  parts: RecollectionParts,
  request: GenerateRequest,
  signal: AbortSignal,
): AsyncGenerator<Progress, Recollection, void> {
  const { store, plug, embed } = parts;
  const mode = request.persona ?? 'auto';
  if (mode === 'none') return without(plug, 'The request asked for no persona.');
  const recalled = await store.recall(request.task, plug.fingerprint);
  if (recalled.length === 0) return without(plug, `The history has no item of the task "${request.task}".`);
  const items = yield* readyItems(parts, recalled, request.task, signal);
  const query = await embed.text(request.input, signal);
  const at = request.at === undefined ? parts.clock() : (parseDate(request.at) ?? parts.clock());
  const attention = attend(plug, { task: request.task, at, query, items });
  const isPersonaUsed = mode === 'always' || attention.gate >= plug.gateThreshold;
  const explanation = explain(plug, attention, isPersonaUsed, mode);
  if (!isPersonaUsed) return { explanation, persona: null };
  const projections = await projectionsOf(parts, items, signal);
  const persona = personaOf(plug, request.task, attention, (item) => {
    const projection = projections.get(item.id);
    if (projection === undefined) throw new PersonaPlugError('internal', `Item ${item.id} was not projected.`);
    return projection;
  });
  return { explanation, persona };
}

function without(plug: Plug, reason: string): Recollection {
  const explanation = { gate: 0, gateThreshold: plug.gateThreshold, isPersonaUsed: false, reason, items: [] };
  return { explanation, persona: null };
}

function explain(
  plug: Plug,
  { gate, items }: Attention<ReadyItem>,
  isPersonaUsed: boolean,
  mode: 'auto' | 'always',
): Explanation {
  const comparison = `${gate.toFixed(3)} ${gate >= plug.gateThreshold ? '≥' : '<'} ${plug.gateThreshold}`;
  const reasons = {
    auto: isPersonaUsed
      ? `The gate finds the history of use (${comparison}).`
      : `The gate finds the history of no use for this input (${comparison}).`,
    always: `The request asked for the persona whatever the gate says (${comparison}).`,
  };
  return {
    gate,
    gateThreshold: plug.gateThreshold,
    isPersonaUsed,
    reason: reasons[mode],
    items: items
      .map(({ item, weight }) => ({ item: item.recalled.item, weight }))
      .toSorted((a, b) => b.weight - a.weight),
  };
}

/** Vectors of different embedders must not meet in one persona: what another one made is made anew, and kept. */
async function* readyItems(
  { store, embed }: RecollectionParts,
  recalled: readonly RecalledItem[],
  task: string,
  signal: AbortSignal,
): AsyncGenerator<Progress, ReadyItem[], void> {
  const fresh = new Map<string, ItemVectors>();
  const stale = recalled.filter(({ vectors }) => vectors?.embedder !== embed.fingerprint).map(({ item }) => item);
  let batch: { item: RecalledItem['item']; vectors: ItemVectors }[] = [];
  for await (const step of embed.items(stale, task, signal)) {
    if ('stage' in step) {
      yield step;
      continue;
    }
    fresh.set(step.item.id, step.vectors);
    batch.push(step);
    if (batch.length === batchSize) {
      await store.replaceVectors(batch);
      batch = [];
    }
  }
  if (batch.length > 0) await store.replaceVectors(batch);
  return recalled.flatMap((entry) => {
    const renewed = fresh.get(entry.item.id);
    const vectors = renewed ?? entry.vectors;
    if (vectors === null) return [];
    const projection = renewed === undefined ? entry.projection : null;
    const { id, date } = entry.item;
    return [{ id, date, input: vectors.input, vectors, recalled: { ...entry, projection } }];
  });
}

async function projectionsOf(
  { store, plug }: RecollectionParts,
  items: readonly ReadyItem[],
  signal: AbortSignal,
): Promise<Map<string, Float32Array>> {
  const projections = new Map<string, Float32Array>();
  const made: ItemProjection[] = [];
  for (const { id, vectors, recalled } of items) {
    if (recalled.projection?.length === plug.projectorWidth) {
      projections.set(id, recalled.projection);
      continue;
    }
    const projection = projectItem(plug, vectors.input, vectors.output);
    projections.set(id, projection);
    made.push({ id, vectors, projection });
    if (made.length % batchSize === 0) {
      await yieldToEventLoop();
      signal.throwIfAborted();
    }
  }
  if (made.length > 0) await keep(store, plug, made);
  return projections;
}

async function keep(store: HistoryStore, plug: Plug, made: readonly ItemProjection[]): Promise<void> {
  try {
    await store.putProjections(plug.fingerprint, made);
  } catch (error) {
    // A full disk must not cost the answer: the projections are only made again next time.
    if (!(PersonaPlugError.isInstance(error) && error.code === 'storage-quota')) throw error;
  }
}
