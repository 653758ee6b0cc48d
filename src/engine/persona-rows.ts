// What a personal prompt makes of the rows in the persona's place. It is only rows: every runtime that takes a persona takes them.
import type { HistoryStore } from '../history/history-store.ts';
import type { AdapterKind } from '../adapter/adapter-record.ts';
import { readSafetensors } from '../model-package/safetensors.ts';
import type { Persona } from '../persona/persona.ts';
import type { Plug } from '../persona/plug.ts';
import type { PersonaRows } from '../prompts/layout-prompt.ts';
import { instructionWithPersonalPrompt, readPersonalPrompt, withPersonalPrompt } from '../adapter/soft-prompt.ts';
import { parseAdapterResult } from '../adapter/adapter-result.ts';
import type { ItemEmbedder } from './item-embedder.ts';
import type { GenerateRequest } from './personalizer.ts';

export interface TunedRowsParts {
  readonly store: HistoryStore;
  readonly plug: Plug;
  readonly languageModel: { readonly fingerprint: string };
  readonly embed: ItemEmbedder;
}

export interface TunedRows {
  /** Null where the prompt has no rows at all. */
  readonly rows: PersonaRows | null;
  /** The adapters that changed them. */
  readonly adapters: readonly AdapterKind[];
  /** The runs that made them. */
  readonly runs: readonly string[];
}

/**
 * The rows of a request. A prompt that was trained on top of personas counts only where there is a persona, one that was trained
 * without only where there is none; one of other models does not count.
 */
export async function tunedRows(
  parts: TunedRowsParts,
  request: GenerateRequest,
  persona: Persona | null,
  signal: AbortSignal,
): Promise<TunedRows> {
  const { store, plug, languageModel, embed } = parts;
  const rows = persona === null ? null : rowsOf(plug, persona);
  const record = request.adapters === 'none' ? null : await store.adapter(request.task, 'prompt');
  const untuned: TunedRows = { rows, adapters: [], runs: [] };
  if (record === null) return untuned;
  const { base, ...made } = parseAdapterResult(record.description);
  const isOfTheseModels = made.plug === plug.fingerprint && made.languageModel === languageModel.fingerprint;
  const isOfThisBase = base === (persona === null ? 'instruction' : 'persona');
  if (!isOfTheseModels || !isOfThisBase) return untuned;
  const prompt = readPersonalPrompt(request.task, base, readSafetensors(record.tensors));
  const tuned = { adapters: ['prompt'], runs: [record.run] } as const;
  if (rows !== null) return { rows: withPersonalPrompt(rows, prompt), ...tuned };
  const query = await embed.text(request.input, signal);
  return { rows: instructionWithPersonalPrompt(plug, prompt, query), ...tuned };
}

function rowsOf(plug: Plug, persona: Persona): PersonaRows {
  return {
    instruction: { rows: persona.instruction, count: plug.instructionRows },
    persona: { rows: persona.rows, count: plug.personaRows },
  };
}
