// `persona-plug/testing`: fakes for an application's unit tests.
export { fakeEngineParts, fakePersonalizer } from './fake-personalizer.ts';
export { hashEmbedder, type HashEmbedderOptions } from './hash-embedder.ts';
export { historyContract, type ContractCase } from './history-contract.ts';
export { randomPlug, type RandomPlugOptions } from './random-plug.ts';
export {
  byteTokenizer,
  scriptedLanguageModel,
  type ScriptedLanguageModelOptions,
  type ScriptedPrompt,
  scriptedPromptTemplate,
} from './scripted-language-model.ts';
