// The page of the engine's end-to-end tests, with the public API, the site's worker and the real models.
import { createPersonalizer, type EngineStatus, type Explanation, type Personalizer } from '../../src/index.ts';

let personalizer: Personalizer | null = null;
let worker: Worker | null = null;

function opened(): Personalizer {
  if (personalizer === null) throw new Error('open() comes first');
  return personalizer;
}

export interface Answer {
  readonly text: string;
  readonly explanation: Explanation;
}

const engineTestPage = {
  async open(
    device: 'wasm' | 'webgpu',
    storageName = 'engine',
  ): Promise<{ status: EngineStatus; milliseconds: number }> {
    const start = performance.now();
    worker = new Worker(new URL('../../site/persona.worker.ts', import.meta.url), { type: 'module' });
    const devices = { embedderDevice: device, languageModelDevice: device };
    personalizer = await createPersonalizer({ worker, models: '/models/', storageName, ...devices });
    return { status: await personalizer.status(), milliseconds: performance.now() - start };
  },

  async close(): Promise<void> {
    await personalizer?.[Symbol.asyncDispose]();
    worker?.terminate();
    personalizer = null;
  },

  importHistory: async (jsonl: string): Promise<unknown> => await opened().importHistory(jsonl),
  exportHistory: async (): Promise<string> => await opened().exportHistory({ includeVectors: true }),
  forget: async (id: string): Promise<boolean> => await opened().forget(id),
  forgetEverything: async (): Promise<void> => await opened().forgetEverything(),

  async answer(request: { task: string; input: string; at: string; persona: 'none' | 'always' }): Promise<Answer> {
    let explanation: Explanation | null = null;
    for await (const event of opened().generate(request)) {
      if (event.type === 'explanation') ({ explanation } = event);
      if (event.type === 'end' && explanation !== null) return { text: event.text, explanation };
    }
    throw new Error('the answer did not end');
  },

  /** Aborts a long answer (at a high temperature) after its first delta, and counts the deltas that still came. */
  async abortMidStream(task: string, input: string): Promise<{ deltasAfter: number; reason: string; again: string }> {
    const controller = new AbortController();
    let deltas = 0;
    let reason = 'none';
    try {
      const request = { task, input, persona: 'none', maximumNewTokens: 200, temperature: 5, seed: 1 } as const;
      for await (const event of opened().generate(request, { signal: controller.signal })) {
        if (event.type !== 'delta') continue;
        deltas += 1;
        if (deltas === 1) controller.abort(new Error('enough'));
      }
    } catch (error) {
      reason = error instanceof Error ? error.message : String(error);
    }
    const { text } = await engineTestPage.answer({ task, input, at: '2024-01-01', persona: 'none' });
    return { deltasAfter: deltas - 1, reason, again: text };
  },

  /** How long a `remember` takes while a long answer is being written. */
  async rememberDuringAnswer(task: string, input: string): Promise<{ milliseconds: number; wasAnswering: boolean }> {
    let isAnswering = true;
    const controller = new AbortController();
    const answering = (async (): Promise<void> => {
      const request = { task, input, persona: 'none', maximumNewTokens: 300, temperature: 5, seed: 1 } as const;
      for await (const event of opened().generate(request, { signal: controller.signal })) {
        if (event.type === 'end') isAnswering = false;
      }
    })().catch(() => undefined);
    const start = performance.now();
    const item = await opened().remember({ task: 'other', input: 'The pool opens early', output: 'Early swim' });
    const result = { milliseconds: performance.now() - start, wasAnswering: isAnswering };
    controller.abort();
    await answering;
    await opened().forget(item.id);
    return result;
  },
};

export type EngineTestPage = typeof engineTestPage;

declare global {
  var engineTestPage: EngineTestPage;
}

globalThis.engineTestPage = engineTestPage;
