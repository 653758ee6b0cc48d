// The rows of a prompt: the persona of what was attended to, and the soft prompt that was trained on the user's items. They are only
// rows, so every runtime that takes a persona takes both.
import { addPrompt, type SoftPrompt } from '../adapter/soft-prompt.ts';
import type { HistoryStore, ItemProjection } from '../history/history-store.ts';
import { PersonaPlugError } from '../lib/errors.ts';
import { yieldToEventLoop } from '../lib/yield-to-event-loop.ts';
import { instructionRows } from '../persona/instruction.ts';
import { personaOf } from '../persona/persona.ts';
import type { Plug } from '../persona/plug.ts';
import { projectItem } from '../persona/projector.ts';
import type { PersonaRows } from '../prompts/layout-prompt.ts';
import type { Attended } from './attend.ts';
import type { EngineContext } from './engine-context.ts';
import type { EmbeddedRecall, Recalled } from './recall.ts';

export interface PromptRows {
  /** Null where the prompt has no rows at all. */
  readonly rows: PersonaRows | null;
  /** The one that changed them. */
  readonly softPrompt: SoftPrompt | null;
}

/**
 * A soft prompt that was trained on top of personas counts only where there is a persona, one that was trained without only where
 * there is none.
 */
export async function personaRows(
  { store, plug }: EngineContext,
  task: string,
  { query, adapters: { softPrompt } }: Recalled,
  { attention }: Attended,
  signal: AbortSignal,
): Promise<PromptRows> {
  if (attention === null) {
    if (softPrompt?.base !== 'instruction' || query === null) return { rows: null, softPrompt: null };
    const own = { rows: instructionRows(plug, task, query), count: plug.instructionRows };
    const instruction = addPrompt(own, softPrompt.change);
    return { rows: { instruction, persona: { rows: new Float32Array(0), count: 0 } }, softPrompt };
  }
  const items = attention.items.map(({ item }) => item);
  const projections = await projectionsOf(store, plug, items, signal);
  const persona = personaOf(plug, task, attention, ({ id }) => {
    const projection = projections.get(id);
    if (projection === undefined) throw new PersonaPlugError('internal', `Item ${id} was not projected.`);
    return projection;
  });
  const rows: PersonaRows = {
    instruction: { rows: persona.instruction, count: plug.instructionRows },
    persona: { rows: persona.rows, count: plug.personaRows },
  };
  if (softPrompt?.base !== 'persona') return { rows, softPrompt: null };
  return { rows: { ...rows, persona: addPrompt(rows.persona, softPrompt.change) }, softPrompt };
}

/** So often an abort is looked for while items are projected. */
const batchSize = 32;

/** What the plug made of each item, by id; what is not kept yet is made and kept. */
async function projectionsOf(
  store: HistoryStore,
  plug: Plug,
  items: readonly EmbeddedRecall[],
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
