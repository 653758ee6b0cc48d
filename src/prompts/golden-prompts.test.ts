// Token ids of every prompt segment against those of training.
import { describe, expect, test } from 'vitest';
import * as v from 'valibot';
import { createTextTokenizer } from '../language-model/text-tokenizer.ts';
import { openGoldenFiles } from '../testing/golden/golden-files.ts';
import { goldenModels } from '../testing/golden/golden-models.ts';
import { layoutPrompt } from './layout-prompt.ts';
import { createTaskRegistry } from '../tasks/task-registry.ts';
import { promptText } from '../tasks/task.ts';

const ids = v.array(v.number());
const schema = v.object({
  cases: v.pipe(
    v.array(
      v.object({
        name: v.string(),
        task: v.string(),
        input: v.string(),
        retrieved: v.array(v.object({ input: v.string(), output: v.string() })),
        persona: v.boolean(),
        segments: v.array(v.union([v.object({ ids }), v.object({ rows: v.picklist(['instruction', 'persona']) })])),
        answer: v.string(),
        answerIds: ids,
      }),
    ),
    v.minLength(12),
  ),
});

const { source, missing } = goldenModels('nano-llm', 'plug', 'golden');

describe.skipIf(missing !== null)('the prompts of training', () => {
  test('are those of TypeScript, id for id', async () => {
    const modelPackage = await source.open('nano-llm', 'language-model');
    const { languageModel } = modelPackage.manifest;
    const { plug } = (await source.open('plug', 'plug')).manifest;
    const tokenizer = createTextTokenizer(await modelPackage.json(languageModel.tokenizer));
    const tasks = createTaskRegistry();
    const golden = await openGoldenFiles(source);
    const { cases } = v.parse(schema, await golden.json('prompts.json'));
    const instruction = { rows: new Float32Array(plug.instructionRows * plug.hiddenSize), count: plug.instructionRows };
    const persona = { rows: new Float32Array(plug.personaRows * plug.hiddenSize), count: plug.personaRows };
    for (const golden of cases) {
      const task = tasks(golden.task);
      const segments = layoutPrompt({
        template: languageModel.promptTemplate,
        tokenizer,
        contextWindow: languageModel.contextWindow,
        text: promptText(task, golden.input, golden.retrieved),
        persona: golden.persona ? { instruction, persona } : null,
        maximumNewTokens: task.maximumNewTokens,
      });
      const found = segments.map((segment) => {
        if (segment.kind === 'ids') return { ids: segment.ids };
        return { rows: segment.rows === instruction.rows ? 'instruction' : 'persona' };
      });
      expect(found, golden.name).toEqual(golden.segments);
      const [end] = languageModel.endTokens;
      expect([...tokenizer.encode(golden.answer), end], golden.name).toEqual(golden.answerIds);
      expect(tokenizer.decode(golden.answerIds), golden.name).toBe(golden.answer);
    }
  });
});
