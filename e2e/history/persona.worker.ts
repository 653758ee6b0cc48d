// The two lines that an application owns; the engine is the real one over IndexedDB, with fakes for models.
import { createEngine } from '../../src/engine/create-engine.ts';
import { openHistory } from '../../src/history/open-history.ts';
import { fakeEngineParts } from '../../src/testing/fake-personalizer.ts';
import { servePersonaWorker } from '../../src/worker/index.ts';

servePersonaWorker({
  async load({ storageName = 'persona-plug' }) {
    return createEngine(fakeEngineParts({ store: await openHistory({ name: storageName }) }));
  },
});
