// Wires the parts into a Personalizer. It owns them: disposing of the engine disposes of all.
import { checkItem } from '../history/check-item.ts';
import { exportHistory } from '../history/export-history.ts';
import { exportAdapters } from '../adapter/adapter-lines.ts';
import type { CallOptions } from '../lib/call-options.ts';
import { PersonaPlugError } from '../lib/errors.ts';
import { runToEnd } from '../lib/run-to-end.ts';
import { assertPlugMatches } from '../persona/plug.ts';
import { adapterInUse } from './adapter-in-use.ts';
import { checkRequest } from './check-request.ts';
import { createEngineContext, type EngineParts } from './engine-context.ts';
import { generate, prepareAnswer } from './generate.ts';
import { importHistory } from './import-history.ts';
import type { EngineStatus, Personalizer } from './personalizer.ts';
import { storedAdapters } from './stored-adapters.ts';

/**
 * Makes an engine over its parts, without a worker.
 *
 * @throws PersonaPlugError `model-mismatch` when the plug was trained for other models.
 */
export function createEngine(parts: EngineParts): Personalizer {
  const { store, embedder, languageModel, plug } = parts;
  assertPlugMatches(plug, {
    embedder: { ...embedder.identity, width: embedder.identity.dim },
    languageModel: {
      name: languageModel.name,
      fingerprint: languageModel.fingerprint,
      width: languageModel.hiddenSize,
    },
  });
  const shared = createEngineContext(parts);
  const weights = adapterInUse(shared);
  const context = { ...shared, setAdapter: weights.set };
  const { embed, clock } = context;
  const life = new AbortController();
  /** Remembers and imports that have not written yet. */
  let writes = new AbortController();

  /** The caller's signal, and the engine's own end. */
  function during(options: CallOptions | undefined, ...others: AbortSignal[]): AbortSignal {
    life.signal.throwIfAborted();
    options?.signal?.throwIfAborted();
    const signals = [life.signal, ...others];
    return AbortSignal.any(options?.signal === undefined ? signals : [options.signal, ...signals]);
  }

  return {
    adapters: storedAdapters({ store, adapterInUse: weights, during }),
    async status(options) {
      during(options);
      return { ...describe(parts), items: await store.count(), adapters: await store.adapterNames() };
    },
    async remember(input, options) {
      const signal = during(options, writes.signal);
      const item = await checkItem(input);
      const isThere = (await store.has([item], (_, vectors) => embed.current(item, vectors) !== null)).size > 0;
      if (!isThere) await store.put([{ item, vectors: await embed.item(item, signal) }], { signal });
      await weights.removeForgotten();
      return { ...item, partlyEmbedded: embed.isPartlyEmbedded(item) };
    },
    async forget(id, options) {
      during(options);
      const wasThere = await store.delete(id);
      await weights.removeForgotten();
      return wasThere;
    },
    async forgetEverything(options) {
      during(options);
      // What was still being embedded must not come back after everything was forgotten.
      writes.abort(new DOMException('Everything was forgotten while this was being stored.', 'AbortError'));
      writes = new AbortController();
      await store.clear();
      await weights.removeForgotten();
    },
    async items(task, options) {
      during(options);
      return await store.items(task);
    },
    async importHistory(jsonl, options) {
      const signal = during(options, writes.signal);
      const result = await importHistory({ store, embed, clock }, jsonl, {
        signal,
        onProgress: options?.onProgress,
      });
      await weights.removeForgotten();
      return result;
    },
    async exportHistory(options) {
      during(options);
      const form = { includeVectors: options?.includeVectors ?? false };
      const stored = await store.list();
      const lines = await exportAdapters(
        await store.adapters(),
        stored.map(({ item }) => item),
        form,
      );
      return exportHistory(stored, form) + lines;
    },
    async *generate(request, options) {
      yield* generate(context, request, during(options));
    },
    async explain(request, options) {
      const signal = during(options);
      checkRequest(request);
      const preparing = prepareAnswer(context, request, signal);
      const { explanation } = await runToEnd(preparing, ({ progress }) => options?.onProgress?.(progress));
      return explanation;
    },
    async [Symbol.asyncDispose]() {
      if (life.signal.aborted) return;
      life.abort(new PersonaPlugError('closed', 'The engine was closed. Create a new one to go on.'));
      weights[Symbol.dispose]();
      // Each of them, also when another one fails.
      const parts = [languageModel, embedder, store];
      const ended = await Promise.allSettled(parts.map(async (part) => await part[Symbol.asyncDispose]()));
      for (const end of ended) if (end.status === 'rejected') throw end.reason;
    },
  };
}

function describe({ embedder, languageModel, plug }: EngineParts): Omit<EngineStatus, 'items' | 'adapters'> {
  return {
    embedder: {
      name: embedder.identity.name,
      fingerprint: embedder.identity.fingerprint,
      device: embedder.device,
      smallestCosine: embedder.selfTest.smallestCosine,
      selfTestPassed: embedder.selfTest.passed,
    },
    languageModel: {
      name: languageModel.name,
      fingerprint: languageModel.fingerprint,
      runtime: languageModel.runtime,
      device: languageModel.device,
    },
    plug: { name: plug.name, fingerprint: plug.fingerprint, tasks: plug.tasks },
  };
}
