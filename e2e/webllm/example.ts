import { MLCEngine, type AppConfig } from '@mlc-ai/web-llm';
import { attachSoftPrompts, sanitizeUserText } from '../../src/language-model/webllm/index.ts';

/** `rows`: [count, hidden size of the model], flat: a trained soft prompt, a persona, … */
export async function answerWithRows(appConfig: AppConfig, modelId: string, rows: Float32Array, question: string) {
  const engine = new MLCEngine({ appConfig });
  const hook = attachSoftPrompts(engine); // once an engine; also before the first reload()
  await engine.reload(modelId);
  const hiddenSize = hook.factsOf(modelId)?.hiddenSize ?? 0;
  using persona = hook.register(rows, hiddenSize); // or call persona.release()
  const chunks = await engine.chat.completions.create({
    messages: [{ role: 'user', content: persona.marker + sanitizeUserText(question) }],
    max_tokens: 32,
    stream: true,
  });
  let answer = '';
  for await (const chunk of chunks) answer += chunk.choices[0]?.delta.content ?? '';
  await engine.unload();
  return answer;
}
