// What `--once` prints: a JSON document, or the same as text. docs/once-schema.md describes it.
import * as v from 'valibot';

const milliseconds = v.pipe(v.number(), v.minValue(0));
const share = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const device = v.strictObject({
  kind: v.picklist(['webgpu', 'wasm']),
  reason: v.string(),
  adapter: v.nullable(v.string()),
  isFallbackAdapter: v.boolean(),
});
const answer = v.strictObject({
  text: v.string(),
  answer: v.nullable(v.string()),
  promptTokens: count,
  newTokens: count,
  finishReason: v.string(),
});
const times = { embedded: milliseconds, firstToken: milliseconds, total: milliseconds };

/** The documented schema of `--json`. */
export const onceSchema = v.strictObject({
  schemaVersion: v.literal(1),
  question: v.strictObject({ task: v.string(), input: v.string(), at: v.nullable(v.string()) }),
  history: v.strictObject({
    file: v.string(),
    added: count,
    replaced: count,
    unchanged: count,
    partlyEmbedded: count,
    itemsOfTask: count,
  }),
  answers: v.strictObject({ none: answer, persona: answer }),
  gate: v.strictObject({ value: share, threshold: share, isPersonaUsed: v.boolean(), reason: v.string() }),
  heaviestItems: v.pipe(
    v.array(
      v.strictObject({
        id: v.string(),
        date: v.nullable(v.string()),
        weight: share,
        input: v.string(),
        output: v.string(),
      }),
    ),
    v.maxLength(5),
  ),
  devices: v.strictObject({
    embedder: device,
    languageModel: v.strictObject({ runtime: v.picklist(['webllm', 'onnx']), ...device.entries }),
  }),
  models: v.strictObject({
    embedder: v.strictObject({ name: v.string(), fingerprint: v.string() }),
    languageModel: v.strictObject({ name: v.string(), fingerprint: v.string() }),
    plug: v.strictObject({ name: v.string(), fingerprint: v.string() }),
  }),
  selfTest: v.strictObject({ passed: v.boolean(), smallestCosine: v.number() }),
  milliseconds: v.strictObject({
    load: milliseconds,
    import: milliseconds,
    none: v.strictObject(times),
    persona: v.strictObject(times),
  }),
  requests: v.strictObject({ otherOrigins: count, ownOrigin: count, foreign: v.array(v.string()) }),
  browser: v.string(),
});

/** Puts the document together. @throws when it does not fit its own schema. */
export function onceDocument({ question, asked, imported, importMilliseconds, status, proxy, version }) {
  const { explanation } = asked;
  const foreign = proxy.foreign();
  return v.parse(onceSchema, {
    schemaVersion: 1,
    question: { task: question.task, input: question.input, at: question.at },
    history: { file: question.historyFile, ...imported, itemsOfTask: status.items[question.task] ?? 0 },
    answers: { none: answerOf(asked.none), persona: answerOf(asked.persona) },
    gate: {
      value: explanation.gate,
      threshold: explanation.gateThreshold,
      isPersonaUsed: explanation.isPersonaUsed,
      reason: explanation.reason,
    },
    heaviestItems: explanation.items.slice(0, 5).map(({ item, weight }) => ({
      id: item.id,
      date: item.date,
      weight,
      input: item.input,
      output: item.output,
    })),
    devices: {
      embedder: status.embedder.device,
      languageModel: { runtime: status.languageModel.runtime, ...status.languageModel.device },
    },
    models: {
      embedder: identityOf(status.embedder),
      languageModel: identityOf(status.languageModel),
      plug: identityOf(status.plug),
    },
    selfTest: { passed: status.embedder.selfTestPassed, smallestCosine: status.embedder.smallestCosine },
    milliseconds: {
      load: round(asked.loadMilliseconds),
      import: round(importMilliseconds),
      none: roundAll(asked.none.timing),
      persona: roundAll(asked.persona.timing),
    },
    requests: {
      otherOrigins: foreign.length,
      ownOrigin: proxy.requests.length - foreign.length,
      foreign: foreign.map(({ method, url }) => `${method} ${url}`),
    },
    browser: version,
  });
}

/** The document as text. */
export function oncePage(document) {
  const { answers, gate, devices, milliseconds: time, requests } = document;
  const lines = [
    `Without persona   ${answers.none.text}`,
    `With persona      ${answers.persona.text}`,
    '',
    `Gate              ${gate.value.toFixed(3)} (opens at ${gate.threshold}): ${gate.isPersonaUsed ? 'persona used' : 'no persona'}${gate.reason === '' ? '' : `; ${gate.reason}`}`,
    'Heaviest items',
    ...(document.heaviestItems.length === 0 ? ['  none'] : document.heaviestItems.map(itemLine)),
    '',
    `Language model    ${document.models.languageModel.name}, ${devices.languageModel.runtime} on ${deviceLine(devices.languageModel)}`,
    `Embedder          ${document.models.embedder.name}, ${deviceLine(devices.embedder)}`,
    `Self-test         ${document.selfTest.passed ? 'passed' : 'failed'}, smallest cosine ${document.selfTest.smallestCosine.toFixed(4)}`,
    `Times             load ${time.load} ms, import ${time.import} ms (${document.history.added} items)`,
    `  without         first token ${time.none.firstToken} ms, all ${time.none.total} ms`,
    `  with            embedded ${time.persona.embedded} ms, first token ${time.persona.firstToken} ms, all ${time.persona.total} ms`,
    `Requests          ${requests.otherOrigins} to other origins, ${requests.ownOrigin} to the page's own`,
    `Browser           Chromium ${document.browser}`,
  ];
  return `${lines.join('\n')}\n`;
}

function answerOf({ text, answer: parsed, usage }) {
  return {
    text,
    answer: parsed,
    promptTokens: usage.promptTokens,
    newTokens: usage.newTokens,
    finishReason: usage.finishReason,
  };
}

function identityOf({ name, fingerprint }) {
  return { name, fingerprint };
}

function itemLine({ weight, date, output }) {
  return `  ${(weight * 100).toFixed(1).padStart(5)} %  ${date ?? 'undated   '}  ${output}`;
}

function deviceLine({ kind, adapter, reason }) {
  return `${kind === 'webgpu' ? 'WebGPU' : 'wasm'}${adapter === null ? '' : ` (${adapter})`}: ${reason}`;
}

function round(value) {
  return Math.round(value ?? 0);
}

function roundAll(timing) {
  return { embedded: round(timing.embedded), firstToken: round(timing.firstToken), total: round(timing.total) };
}
