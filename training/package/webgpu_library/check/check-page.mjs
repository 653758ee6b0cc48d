// The browser half of check.mjs: loads the model with unmodified WebLLM and compares with the golden results.

import { MLCEngine } from '@mlc-ai/web-llm';

/** Hands out the last logits and the sampled tokens without changing them. */
class Recorder {
  logits = new Float32Array();
  history = [];
  sampled = [];
  processLogits(logits) {
    this.logits = logits.slice();
    this.history.push(this.logits);
    return logits;
  }
  processSampledToken(token) {
    this.sampled.push(token);
  }
  resetState() {}
}

const origin = location.origin;
const modelId = 'checked-model';
const recorder = new Recorder();
const appConfig = {
  model_list: [{ model: `${origin}/model/`, model_id: modelId, model_lib: `${origin}/library.wasm` }],
};
const engine = new MLCEngine({ appConfig, logitProcessorRegistry: new Map([[modelId, recorder]]), logLevel: 'WARN' });

/** Tokens in the KV cache. */
const filled = () => engine.loadedModelIdToPipeline.get(modelId).filledKVCacheLength;

/** What a logit may be off: float32 sums in another order. A wrong kernel is off by 0.1 and more. */
const tolerance = (expected) => 1e-3 + 1e-4 * Math.abs(expected);

/** The largest difference, and the largest in units of what is tolerated. */
function deviation(actual, expected) {
  let [largest, relative] = actual.length === expected.length ? [0, 0] : [Infinity, Infinity];
  for (let i = 0; i < actual.length; i++) {
    const difference = Math.abs(actual[i] - expected[i]);
    if (!(difference <= largest)) largest = difference;
    if (!(difference <= relative * tolerance(expected[i]))) relative = difference / tolerance(expected[i]);
  }
  return { largest, relative };
}

/** Lets negative ids stand for rows of input embeddings: -1 is the first row. `rows`: [count * hiddenSize] float32. */
function acceptRows(pipeline, rows, hiddenSize) {
  const original = pipeline.getTokensEmbeddings.bind(pipeline);
  pipeline.getTokensEmbeddings = (ids) => {
    if (ids.every((id) => id >= 0)) return original(ids);
    pipeline.tvm.beginScope();
    const parts = [];
    for (let begin = 0, end; begin < ids.length; begin = end) {
      for (end = begin + 1; end < ids.length && ids[end] < 0 === ids[begin] < 0; ) end++;
      const run = ids.slice(begin, end);
      if (run[0] >= 0) parts.push(original(run));
      else {
        const values = Float32Array.from(
          run.flatMap((id) => [...rows.subarray((-1 - id) * hiddenSize, -id * hiddenSize)]),
        );
        const tensor = pipeline.tvm.empty([run.length, hiddenSize], 'float32', pipeline.device);
        parts.push(tensor.copyFromRawBytes(new Uint8Array(values.buffer)));
      }
    }
    const joined = parts.length === 1 ? parts[0] : pipeline.tvm.concatEmbeddings(parts);
    const result = pipeline.tvm.detachFromCurrentScope(joined);
    pipeline.tvm.endScope();
    return pipeline.tvm.attachToCurrentScope(result);
  };
}

/** Bytes of all GPU buffers that live, and the most that lived at once. */
const memory = { live: 0, peak: 0, sizes: new Map() };
const { createBuffer } = GPUDevice.prototype;
GPUDevice.prototype.createBuffer = function (descriptor) {
  const buffer = createBuffer.call(this, descriptor);
  const { size } = descriptor;
  memory.live += size;
  memory.peak = Math.max(memory.peak, memory.live);
  memory.sizes.set(size, (memory.sizes.get(size) ?? 0) + 1);
  const destroy = buffer.destroy.bind(buffer);
  let isLive = true;
  buffer.destroy = () => {
    if (isLive) {
      memory.live -= size;
      memory.sizes.set(size, memory.sizes.get(size) - 1);
    }
    isLive = false;
    destroy();
  };
  return buffer;
};

/** Feeds the turns as raw ids, decodes greedily, returns tokens and the logits' deviation. */
async function runCase(golden, expected, index) {
  const { name, turns, tokens, firstLogits } = golden.cases[index];
  await engine.resetChat();
  const actual = [];
  let [largest, relative, isEqual] = [0, 0, true];
  const compare = (token) => {
    const row = (firstLogits + actual.length) * golden.vocabSize;
    const logits = expected.subarray(row, row + golden.vocabSize);
    const here = deviation(recorder.logits, logits);
    largest = Math.max(largest, here.largest);
    relative = Math.max(relative, here.relative);
    // Two logits that are closer than both may be off are no difference.
    const best = logits[tokens[actual.length]];
    if (token !== tokens[actual.length] && best - logits[token] > 2 * tolerance(best)) isEqual = false;
    actual.push(token);
  };
  for (const turn of turns) compare(await engine.forwardTokensAndSample(turn, true));
  while (actual.length < tokens.length)
    compare(await engine.forwardTokensAndSample([tokens[actual.length - 1]], false));
  return { name, isEqual, actual, tokens, largest, relative };
}

async function runChat({ texts, tokens }) {
  const messages = [];
  const results = [];
  await engine.resetChat();
  for (const [turn, content] of texts.entries()) {
    messages.push({ role: 'user', content });
    recorder.sampled = [];
    const before = filled();
    const reply = await engine.chat.completions.create({ messages, temperature: 0, max_tokens: tokens[turn].length });
    messages.push({ role: 'assistant', content: reply.choices[0].message.content ?? '' });
    results.push({
      name: `chat turn ${turn + 1} (cache held ${before}, prompt ${reply.usage?.prompt_tokens}, ${reply.choices[0].finish_reason})`,
      isEqual: String(recorder.sampled) === String(tokens[turn]),
      actual: recorder.sampled,
      tokens: tokens[turn],
    });
  }
  return results;
}

/** The smallest set of most probable tokens whose mass reaches topP, renormalized. */
function nucleus(logits, topP, temperature) {
  const top = Math.max(...logits);
  const weights = [...logits].map((logit, token) => ({ token, probability: Math.exp((logit - top) / temperature) }));
  weights.sort((a, b) => b.probability - a.probability);
  const sum = weights.reduce((total, { probability }) => total + probability, 0);
  let mass = 0;
  const kept = weights.filter(({ probability }) => mass < topP * sum && ((mass += probability), true));
  return kept.map(({ token, probability }) => ({ token, probability: probability / mass }));
}

async function load(options) {
  const begin = performance.now();
  await engine.reload(modelId, options);
  return performance.now() - begin;
}

const api = {
  async check(only) {
    const golden = await (await fetch('golden.json')).json();
    const expected = new Float32Array(await (await fetch('golden.f32')).arrayBuffer());
    const { conv_template } = await (await fetch('model/resolve/main/mlc-chat-config.json')).json(); // an override replaces it whole
    const stop = golden.chat ? { stop_token_ids: [golden.chat.stopToken] } : {};
    const loadMilliseconds = await load({ temperature: 0, conv_template: { ...conv_template, ...stop } });
    if (golden.hiddenSize) {
      const rows = new Float32Array(await (await fetch('golden-rows.f32')).arrayBuffer());
      acceptRows(engine.loadedModelIdToPipeline.get(modelId), rows, golden.hiddenSize);
    }
    const cases = [];
    for (let index = 0; index < golden.cases.length; index++) {
      if (only === undefined || golden.cases[index].name.includes(only))
        cases.push(await runCase(golden, expected, index));
    }
    return { loadMilliseconds, cases, chat: golden.chat && only === undefined ? await runChat(golden.chat) : [] };
  },

  /** Draws from one distribution and compares the frequencies with the exact nucleus by a chi-square statistic. */
  async sample(draws, topP) {
    const draw = async () => {
      await engine.resetChat();
      return engine.forwardTokensAndSample([76], true);
    };
    await load({ temperature: 0 });
    await draw();
    const logits = recorder.logits;
    let temperature = 0.05;
    let kept = nucleus(logits, topP, temperature);
    while (kept.length < 10) kept = nucleus(logits, topP, (temperature *= 1.2)); // wide enough to tell, narrow enough to count
    await load({ temperature, top_p: topP });
    const counts = new Map();
    for (let i = 0; i < draws; i++) {
      const token = await draw();
      counts.set(token, (counts.get(token) ?? 0) + 1);
    }
    const outside = [...counts].filter(([token]) => !kept.some((entry) => entry.token === token)).length;
    const chiSquare = kept.reduce((total, { token, probability }) => {
      const expected = draws * probability;
      return total + ((counts.get(token) ?? 0) - expected) ** 2 / expected;
    }, 0);
    return { draws, kept: kept.length, outside, chiSquare };
  },

  /** Each in-place logit kernel against the same edit in JavaScript, on the logits that the recorder sees before the edit. */
  async logitEdits() {
    const results = [];
    const run = async (name, bias, presence, frequency, repetition) => {
      await engine.resetChat();
      recorder.sampled = [];
      recorder.history = [];
      await engine.chat.completions.create({
        messages: [{ role: 'user', content: 'Hello' }],
        temperature: 0,
        max_tokens: 6,
        ignore_eos: true,
        ...(Object.keys(bias).length > 0 ? { logit_bias: bias } : {}),
        presence_penalty: presence,
        frequency_penalty: frequency,
        repetition_penalty: repetition,
      });
      const counts = new Map();
      const tokens = recorder.history.map((logits) => {
        const edited = logits.slice();
        for (const [token, value] of Object.entries(bias)) edited[Number(token)] += value;
        for (const [token, count] of counts) {
          const value = edited[token] - presence - frequency * count;
          edited[token] = value > 0 ? value / repetition : value * repetition;
        }
        const best = edited.indexOf(Math.max(...edited));
        counts.set(best, (counts.get(best) ?? 0) + 1);
        return best;
      });
      results.push({ name, isEqual: String(recorder.sampled) === String(tokens), actual: recorder.sampled, tokens });
      return tokens;
    };
    const [first] = await run('no edit', {}, 0, 0, 1);
    await run('logit_bias up and down', { [first]: -100, 65: 8, 66: 7.5 }, 0, 0, 1);
    await run('presence and frequency penalty', { 65: 20, 66: 19, 67: 18 }, 0.7, 0.9, 1);
    await run('repetition penalty', { 65: 20, 66: 19, 67: -18 }, 0, 0, 1.3);
    await engine.resetChat();
    const reply = await engine.chat.completions.create({
      messages: [{ role: 'user', content: 'Hello' }],
      temperature: 0,
      max_tokens: 12,
      logprobs: true,
      top_logprobs: 5,
      response_format: { type: 'json_object', schema: '{"type":"boolean"}' },
    });
    const { message, logprobs } = reply.choices[0];
    const answers = [message.content ?? '', String(logprobs?.content?.[0].top_logprobs.length)];
    const isEqual = ['true', 'false'].includes(answers[0]) && answers[1] === '5';
    results.push({ name: 'grammar bitmask, 5 top logprobs', isEqual, actual: answers, tokens: ['true or false', '5'] });
    return results;
  },

  /** Milliseconds to load, and tokens a second for a prompt and for single tokens, per round. The first round is a warm-up. */
  async speed(promptTokens, newTokens, rounds) {
    const loadMilliseconds = await load({ temperature: 0 });
    const ids = Array.from({ length: promptTokens }, (_, index) => 300 + ((index * 7919) % 5000));
    const results = [];
    for (let round = 0; round <= rounds; round++) {
      await engine.resetChat();
      const begin = performance.now();
      let token = await engine.forwardTokensAndSample(ids, true);
      const prefilled = performance.now();
      const count = round === 0 ? 1 : newTokens;
      for (let index = 0; index < count; index++) token = await engine.forwardTokensAndSample([token], false);
      const end = performance.now();
      const perSecond = (tokens, from, to) => Number(((1000 * tokens) / (to - from)).toFixed(2));
      if (round > 0)
        results.push([perSecond(promptTokens, begin, prefilled), perSecond(newTokens, prefilled, end)]);
    }
    return { loadMilliseconds: Math.round(loadMilliseconds), prefillAndDecode: results };
  },

  /** Bytes of live GPU buffers with a context window: all, the most at once, and those that have the size of a weight. */
  async memory(contextWindow) {
    await load({ context_window_size: contextWindow });
    await engine.forwardTokensAndSample(Array.from({ length: 200 }, (_, index) => 100 + index), true);
    await engine.forwardTokensAndSample([5], false);
    const cache = await (await fetch('model/resolve/main/tensor-cache.json')).json();
    const left = new Map(memory.sizes);
    let weights = 0;
    for (const { dtype, shape } of cache.records.flatMap((shard) => shard.records)) {
      const size = 4 * shape.reduce((product, extent) => product * extent, 1);
      if (!left.get(size)) throw new Error(`no live buffer has the ${size} bytes of a weight ${dtype} ${shape}`);
      left.set(size, left.get(size) - 1);
      weights += size;
    }
    return { live: memory.live, peak: memory.peak, weights };
  },
};
Object.assign(globalThis, { api });
