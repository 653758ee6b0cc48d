// From a memory to its persona: weights, gate, rows, and the words that explain them.
import type { HistoryStore, ItemProjection } from '../history/history-store.ts';
import { PersonaPlugError } from '../lib/errors.ts';
import { parseDate } from '../lib/parse-date.ts';
import { yieldToEventLoop } from '../lib/yield-to-event-loop.ts';
import { type Attention, attend, type Persona, personaOf } from '../persona/persona.ts';
import type { Plug } from '../persona/plug.ts';
import { projectItem } from '../persona/projector.ts';
import type { RecalledHistory, RecallParts, ReadyItem } from './recall.ts';
import type { Explanation, GenerateRequest } from './personalizer.ts';

/** What is known about an answer before its prompt is laid out. */
export type PersonaExplanation = Omit<Explanation, 'retrieved' | 'profile' | 'words' | 'adapters'>;

export interface AttentionParts extends RecallParts {
  readonly clock: () => number;
}

export interface AttentionResult {
  readonly explanation: PersonaExplanation;
  /** Null when no persona is used. */
  readonly persona: Persona | null;
}

/** So often an abort is looked for while items are projected. */
const batchSize = 32;

/** The persona of a memory, as the request wants it and the gate allows it. */
export async function attendHistory(
  parts: AttentionParts,
  request: GenerateRequest,
  { vectors }: RecalledHistory,
  signal: AbortSignal,
): Promise<AttentionResult> {
  const { plug } = parts;
  const mode = request.persona ?? 'auto';
  if (mode === 'none') return without(plug, 'The request asked for no persona.');
  if (vectors === null) return without(plug, `The history has no item of the task "${request.task}".`);
  const { query, items } = vectors;
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

function without(plug: Plug, reason: string): AttentionResult {
  const explanation = { gate: 0, gateThreshold: plug.gateThreshold, isPersonaUsed: false, reason, items: [] };
  return { explanation, persona: null };
}

function explain(
  plug: Plug,
  { gate, items }: Attention<ReadyItem>,
  isPersonaUsed: boolean,
  mode: 'auto' | 'always',
): PersonaExplanation {
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

async function projectionsOf(
  { store, plug }: AttentionParts,
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
    const projection = projectItem(plug, recalled.item.task, vectors);
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
