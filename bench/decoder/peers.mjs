// The browser's half of the peers of bench/decoder.mjs: onnxruntime-web on the float32 graph as it was exported, and wllama on the GGUF.
// Served without the package's policy, which wllama's workers do not fit. Each has the three functions that page.ts has.
const bytes = async (path) => new Uint8Array(await (await fetch(path)).arrayBuffer());

/** Addresses of what the server of the peers has in node_modules: none that a bundler could find. */
const runtimeAddress = '/runtime/ort.wasm.min.mjs';
const wllamaAddress = '/wllama/esm/index.js';

/** @param {{ layers: number, kvHeads: number, headDim: number, hiddenSize: number }} shape */
export function float32Graph({ layers, kvHeads, headDim, hiddenSize }) {
  const names = Array.from({ length: layers }, (_, layer) => [`${layer}.key`, `${layer}.value`]).flat();
  let runtime;
  let session;
  let cache = [];
  let length = 0;
  const append = async (count) => {
    length += count;
    const rows = Float32Array.from({ length: count * hiddenSize }, (_, index) => Math.sin(index));
    const outputs = await session.run({
      inputs_embeds: new runtime.Tensor('float32', rows, [1, count, hiddenSize]),
      attention_mask: new runtime.Tensor('int64', new BigInt64Array(length).fill(1n), [1, length]),
      ...Object.fromEntries(names.map((name, index) => [`past_key_values.${name}`, cache[index]])),
    });
    cache = names.map((name) => outputs[`present.${name}`]);
  };
  return {
    async load() {
      runtime = await import(runtimeAddress);
      runtime.env.wasm.numThreads = 1;
      const data = await bytes('/graph/model.onnx.data');
      session = await runtime.InferenceSession.create(await bytes('/graph/model.onnx'), {
        executionProviders: ['wasm'],
        externalData: [{ path: 'model.onnx.data', data }],
      });
    },
    async prompt(count) {
      cache = names.map(() => new runtime.Tensor('float32', new Float32Array(0), [1, kvHeads, 0, headDim]));
      length = 0;
      await append(count);
    },
    async tokens(count) {
      for (let token = 0; token < count; token += 1) await append(1);
    },
  };
}

export function wllama() {
  let peer;
  let prompt = '';
  let seed = 0;
  const answer = async (tokens) => {
    // Another beginning each time, or its cache has the prompt already.
    seed += 1;
    await peer.createCompletion({ prompt: `${seed} ${prompt}`, max_tokens: tokens, temperature: 50, seed });
  };
  return {
    async load() {
      const { Wllama } = await import(wllamaAddress);
      peer = new Wllama({ default: '/wllama/esm/wasm/wllama.wasm' }, { suppressNativeLog: true });
      await peer.loadModelFromUrl(new URL('/gguf/model.gguf', location.href).href, {
        n_ctx: 2048,
        n_threads: 1,
        n_gpu_layers: 0,
        useCache: false,
      });
    },
    async prompt(count) {
      // One token a word, and two or three for the number in front.
      prompt = Array.from({ length: count - 2 }, () => 'the').join(' ');
      await answer(1);
    },
    /** With the prompt before them: its API has no other way. */
    tokens: async (count) => await answer(count + 1),
  };
}
