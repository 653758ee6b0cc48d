// The two places of a pipeline that the hook changes: texts to token ids, and token ids to embeddings. Neither keeps any state.
import { PersonaPlugError } from '../../../lib/errors.ts';
import { toFloat16Bytes } from './float16.ts';
import { mayHoldMarkers, splitAtMarkers, type MarkerName } from './marker.ts';
import { readFacts, type ChatPipeline, type PipelineFacts, type Tensor } from './pipeline-access.ts';
import type { SoftPromptSlots } from './soft-prompt-slots.ts';

/** Lets a pipeline understand the markers and virtual ids of one hook. */
export function patchPipeline(pipeline: ChatPipeline, slots: SoftPromptSlots, hook: string): PipelineFacts {
  const { tokenizer, tvm } = pipeline;
  const encode = tokenizer.encode.bind(tokenizer);
  const key =
    pipeline.artifact === undefined || pipeline.getArtifactTextEmbeddings === undefined
      ? 'getTokensEmbeddings'
      : 'getArtifactTextEmbeddings';
  const embed = (pipeline[key] ?? pipeline.getTokensEmbeddings).bind(pipeline);
  const facts = readFacts(pipeline, embed);
  const { hiddenSize, dtype } = facts;

  // WebLLM derives prompt lengths, the overflow check, chunks, KV reuse and usage figures from these ids, so all of them stay exact.
  tokenizer.encode = (text) => {
    if (!mayHoldMarkers(text)) return encode(text);
    const ids: number[] = [];
    for (const part of splitAtMarkers(text)) {
      for (const id of part.kind === 'text' ? encode(part.text) : idsOf(part.name)) ids.push(id);
    }
    return Int32Array.from(ids);
  };

  function idsOf(name: MarkerName): readonly number[] {
    if (name.hook !== hook) {
      throw new PersonaPlugError(
        'not-found',
        `There is no soft prompt ${name.hook}-${name.serial} here. Use markers that register() of this engine's hook returned, and pass user text through sanitizeUserText().`,
      );
    }
    const slot = slots.get(name.serial);
    if (slot.hiddenSize !== null && slot.hiddenSize !== hiddenSize) throw wrongWidth(slot.hiddenSize, hiddenSize);
    return slot.tokenIds;
  }

  pipeline[key] = (ids) => {
    if (!ids.some((id) => id < 0)) return embed(ids);
    // Rows are looked up before a scope is opened, so that the error of a released slot leaves no scope open.
    const runs = runsOf(ids).map((run) => (isVirtual(run) ? rowBytes(run) : run));
    tvm.beginScope();
    try {
      const parts: Tensor[] = runs.map((run) =>
        run instanceof Uint8Array
          ? tvm.empty([run.byteLength / rowLength, hiddenSize], dtype, pipeline.device).copyFromRawBytes(run)
          : embed(run),
      );
      const [only] = parts;
      const joined = parts.length === 1 && only !== undefined ? only : tvm.concatEmbeddings(parts);
      // The caller's scope owns the result, as it owns the original's.
      tvm.detachFromCurrentScope(joined);
      tvm.endScope();
      return tvm.attachToCurrentScope(joined);
    } catch (error) {
      tvm.endScope();
      throw error;
    }
  };

  const rowLength = hiddenSize * (dtype === 'float16' ? 2 : 4);

  function rowBytes(virtualIds: readonly number[]): Uint8Array {
    const values = new Float32Array(virtualIds.length * hiddenSize);
    for (const [index, id] of virtualIds.entries()) {
      const row = slots.row(id);
      if (row.length !== hiddenSize) throw wrongWidth(row.length, hiddenSize);
      values.set(row, index * hiddenSize);
    }
    return dtype === 'float16' ? toFloat16Bytes(values) : new Uint8Array(values.buffer);
  }

  return facts;
}

function isVirtual(run: readonly number[]): boolean {
  return (run[0] ?? 0) < 0;
}

/** Splits ids into runs of real and of virtual ones. */
function runsOf(ids: readonly number[]): number[][] {
  const runs: number[][] = [];
  for (const id of ids) {
    const last = runs.at(-1);
    if (last !== undefined && isVirtual(last) === id < 0) last.push(id);
    else runs.push([id]);
  }
  return runs;
}

function wrongWidth(found: number, expected: number): PersonaPlugError {
  return new PersonaPlugError(
    'invalid-prompt',
    `The rows of a soft prompt are ${found} wide, but the model's hidden size is ${expected}. Use rows that were trained for this model.`,
    { details: { expected, found } },
  );
}
