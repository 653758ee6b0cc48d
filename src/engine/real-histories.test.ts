// Real histories of held-out users through the engine that ships, in Node on wasm: a persona must help with
// its own user's articles. The data may not be copied into this repository; PERSONA_PLUG_DATA names its folder.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { inMemoryHistory } from '../history/in-memory-history.ts';
import { goldenModels } from '../testing/golden/golden-models.ts';
import { loadEngine } from './load-engine.ts';
import type { GenerateRequest, Personalizer } from './personalizer.ts';

const task = 'news_category';
const file = path.join(process.env['PERSONA_PLUG_DATA'] ?? '', 'tasks', `${task}.jsonl.gz`);
const isDataThere = process.env['PERSONA_PLUG_DATA'] !== undefined && existsSync(file);
const { source, missing } = goldenModels('all-minilm-l6-v2', 'nano-llm', 'plug');

const userSchema = v.object({
  user: v.string(),
  items: v.array(v.object({ id: v.string(), date: v.string(), input: v.string(), output: v.string() })),
});
type User = v.InferOutput<typeof userSchema>;

/** The dev users of training/data/splits.py: neither the language model nor the plug has seen them. */
function devUsers(): User[] {
  return gunzipSync(readFileSync(file))
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => v.parse(userSchema, JSON.parse(line)))
    .filter(({ user }) => {
      const bucket = Number.parseInt(createHash('sha256').update(user).digest('hex').slice(0, 8), 16) % 100;
      return bucket >= 60 && bucket < 85;
    });
}

async function answerOf(engine: Personalizer, request: GenerateRequest): Promise<string> {
  for await (const event of engine.generate(request)) if (event.type === 'end') return event.text;
  throw new Error('the stream had no end');
}

describe.skipIf(!isDataThere || missing !== null)(
  `real histories (${isDataThere ? '' : 'PERSONA_PLUG_DATA is unset'})`,
  () => {
    test("a user's own history makes more answers right than none", { timeout: 240_000 }, async () => {
      await using engine = await loadEngine(
        { models: 'unused:', embedderDevice: 'wasm', languageModelDevice: 'wasm' },
        { signal: new AbortController().signal, onProgress: () => undefined },
        { models: source, store: inMemoryHistory() },
      );
      const right = { none: 0, auto: 0 };
      let asked = 0;
      for (const { items } of devUsers().slice(0, 14)) {
        const first = items.length - Math.min(20, Math.floor(items.length / 2));
        const history = items.slice(Math.max(0, first - 30), first);
        await engine.forgetEverything();
        await engine.importHistory(history.map((item) => JSON.stringify({ ...item, task })).join('\n'));
        for (const { input, output, date } of items.slice(first, first + 8)) {
          asked += 1;
          for (const persona of ['none', 'auto'] as const) {
            if ((await answerOf(engine, { task, input, at: date, persona })) === output) right[persona] += 1;
          }
        }
      }
      console.log(`${task}: of ${asked} answers ${right.none} right without, ${right.auto} with the persona`);
      expect(asked).toBeGreaterThan(60);
      expect(right.auto).toBeGreaterThan(right.none);
    });
  },
);
