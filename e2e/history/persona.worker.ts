// The two lines that an application owns; the engine is the real one over IndexedDB, with fakes for models.
import { createEngine } from '../../src/engine/create-engine.ts';
import { openHistory } from '../../src/history/open-history.ts';
import type { LanguageModel } from '../../src/language-model/language-model.ts';
import { fakeEngineParts } from '../../src/testing/fake-personalizer.ts';
import { scriptedLanguageModel } from '../../src/testing/scripted-language-model.ts';
import { servePersonaWorker } from '../../src/worker/index.ts';

const scripted = scriptedLanguageModel();

/** Writes a text that asks for it so slowly that a page can go away meanwhile. */
const languageModel: LanguageModel = {
  ...scripted,
  async *generate(prompt, options) {
    const stream = scripted.generate(prompt, options);
    for (let step = await stream.next(); ; step = await stream.next()) {
      if (step.done === true) return step.value;
      yield step.value;
      const ids = prompt.flatMap((part) => (part.kind === 'ids' ? part.ids : []));
      if (!scripted.tokenizer.decode(ids).includes('slowly')) continue;
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      options.signal?.throwIfAborted();
    }
  },
};

servePersonaWorker({
  async load({ storageName = 'persona-plug' }) {
    return createEngine(fakeEngineParts({ languageModel, store: await openHistory({ name: storageName }) }));
  },
});
