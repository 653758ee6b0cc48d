// What an item's example may know: what was written before it, and nothing else.
import { assert, integer, property } from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { TextTokenizer } from '../language-model/language-model.ts';
import { createTaskRegistry } from '../tasks/task-registry.ts';
import { instructionRows } from '../persona/instruction.ts';
import { randomPlug } from '../testing/random-plug.ts';
import { seededRandom } from '../lib/seeded-random.ts';
import { personalItems, type PersonalItemsParts, type TrainableItem } from './personal-items.ts';
import type { AdapterBase } from '../adapter/adapter-kind.ts';

const plug = randomPlug({ embedder: 'e', languageModel: 'l' });

/** One token a character. */
const tokenizer: TextTokenizer = {
  encode: (text) => Array.from(text, (character) => 4 + ((character.codePointAt(0) ?? 0) % 60)),
  decode: (ids) => ids.join(' '),
  controlToken: (name) => (name === '<|bos|>' ? 1 : 2),
};

const parts = (base: AdapterBase): PersonalItemsParts => ({
  task: 'notes',
  base,
  plug,
  tasks: createTaskRegistry(),
  tokenizer,
  promptTemplate: [{ control: '<|bos|>' }, { slot: 'persona' }, { control: '<|user|>' }, { slot: 'prompt' }],
  endToken: 0,
});

function unit(seed: number): Float32Array<ArrayBuffer> {
  const random = seededRandom(seed);
  const values = Float32Array.from({ length: plug.dim }, () => random() - 0.5);
  const norm = Math.hypot(...values);
  return values.map((value) => value / norm);
}

const history = (count: number): TrainableItem[] =>
  Array.from({ length: count }, (_, index) => ({
    id: `i${index}`,
    date: `2024-01-${String(index + 1).padStart(2, '0')}`,
    input: `input ${index}`,
    output: `output ${index}`,
    vectors: { input: unit(2 * index), output: unit(2 * index + 1) },
  }));

const share = { heldOutShare: 0.2 };

describe('the examples of a history', () => {
  test('the newest items are held out, and the first one has nothing before it', () => {
    const { training, heldOut } = personalItems(history(11).toReversed(), parts('persona'), share);
    expect(training).toEqual(['i1', 'i2', 'i3', 'i4', 'i5', 'i6', 'i7', 'i8']);
    expect(heldOut).toEqual(['i9', 'i10']);
    expect(personalItems(history(11), parts('instruction'), share).training[0]).toBe('i0');
  });

  test('an item’s persona does not depend on its own output, nor on anything that came later', () => {
    assert(
      property(integer({ min: 1, max: 8 }), integer({ min: 100, max: 10_000 }), (index, seed) => {
        const items = history(9);
        const changed = items.map((item, at) =>
          at < index
            ? item
            : {
                ...item,
                output: `another ${seed}`,
                vectors: { input: at === index ? item.vectors.input : unit(seed + at), output: unit(seed + 50 + at) },
              },
        );
        const before = personalItems(items, parts('persona'), share).source(`i${index}`);
        const after = personalItems(changed, parts('persona'), share).source(`i${index}`);
        expect(after.prompt).toEqual(before.prompt);
      }),
      { numRuns: 25 },
    );
  });

  test('another item with the same input is no help either: it may hold the answer', () => {
    const items = history(6);
    const [first] = items;
    const twin = items.map((item, at) => (at === 4 && first !== undefined ? { ...item, input: first.input } : item));
    const without = personalItems(twin.slice(1), parts('persona'), share).source('i4');
    expect(personalItems(twin, parts('persona'), share).source('i4').prompt).toEqual(without.prompt);
  });

  test('the trainable rows are those of the persona, or those of the instruction', () => {
    const items = history(6);
    const persona = personalItems(items, parts('persona'), share).source('i3');
    const rows = persona.prompt.filter(({ kind }) => kind === 'rows');
    expect(rows).toHaveLength(2);
    expect(persona.trainableSegment).toBe(1);
    const instruction = personalItems(items, parts('instruction'), share).source('i3');
    expect(instruction.prompt.filter(({ kind }) => kind === 'rows')).toEqual([
      { kind: 'rows', rows: plug.parametersOf('notes').instruction, count: plug.instructionRows },
    ]);
    expect(instruction.trainableSegment).toBe(0);
    expect(personalItems(items, parts('none'), share).source('i3').prompt).toHaveLength(1);
  });

  test('instruction rows follow the query of each item', () => {
    const following = randomPlug({ embedder: 'e', languageModel: 'l', instructionRank: 3 });
    const items = history(6);
    const { prompt } = personalItems(items, { ...parts('instruction'), plug: following }, share).source('i3');
    const query = items.find(({ id }) => id === 'i3')?.vectors.input ?? new Float32Array(0);
    expect(prompt.find(({ kind }) => kind === 'rows')).toMatchObject({
      rows: instructionRows(following, 'notes', query),
    });
    const blind = items.map((item) => ({ ...item, vectors: { ...item.vectors, input: new Float32Array(0) } }));
    expect(() => personalItems(blind, { ...parts('instruction'), plug: following }, share).source('i3')).toThrow(
      expect.objectContaining({ code: 'model-mismatch', message: expect.stringMatching(/\b16\b.*\b0\b/u) }),
    );
  });

  test('prompt and answer fit into what is trained on, however long they are', () => {
    const items = history(6).map((item) => ({ ...item, input: 'x'.repeat(2000) + item.id, output: 'y'.repeat(500) }));
    const { prompt, answer } = personalItems(items, parts('persona'), share).source('i3');
    const length = prompt.reduce((sum, part) => sum + (part.kind === 'ids' ? part.ids.length : part.count), 0);
    expect(answer).toHaveLength(128);
    expect(length + answer.length).toBeLessThanOrEqual(256);
  });

  test('too few items are refused with their number', () => {
    expect(() => personalItems(history(3), parts('instruction'), share)).toThrow(
      expect.objectContaining({ code: 'invalid-argument', details: { task: 'notes', items: 3 } }),
    );
  });
});
