import { expect, test } from 'vitest';
import { instructionRows } from '../persona/instruction.ts';
import { randomPlug } from '../testing/random-plug.ts';
import { instructionWithPersonalPrompt, startPrompt, withPersonalPrompt } from './soft-prompt.ts';

const plug = randomPlug({ embedder: 'e', languageModel: 'l' });
const instruction = { rows: plug.parametersOf('notes').instruction, count: plug.instructionRows };
const query = new Float32Array(16).fill(0.25);
const persona = { rows: new Float32Array(plug.personaRows * plug.hiddenSize).fill(0.25), count: plug.personaRows };

test('a prompt that was not trained changes nothing, bit for bit', () => {
  const rows = startPrompt(plug, 'persona').get('prompt');
  if (rows === undefined) throw new Error('no rows');
  expect(withPersonalPrompt({ instruction, persona }, { task: 'notes', base: 'persona', rows })).toEqual({
    instruction,
    persona,
  });
});

test('rows are added to the persona, or to the instruction where there is none', () => {
  const shape = [plug.personaRows, plug.hiddenSize];
  const rows = { shape, data: new Float32Array(persona.rows.length).fill(0.5) };
  const added = withPersonalPrompt({ instruction, persona }, { task: 'notes', base: 'persona', rows });
  expect(added.persona.rows.every((value) => value === 0.75)).toBe(true);
  expect(added.instruction).toEqual(instruction);
  const own = {
    shape: [plug.instructionRows, plug.hiddenSize],
    data: new Float32Array(instruction.rows.length).fill(1),
  };
  const alone = instructionWithPersonalPrompt(plug, { task: 'notes', base: 'instruction', rows: own }, query);
  expect(alone.persona.count).toBe(0);
  expect([...alone.instruction.rows]).toEqual(Array.from(instruction.rows, (value) => Math.fround(value + 1)));
});

test('where there is no persona the rows follow the query, as they did in training', () => {
  const following = randomPlug({ embedder: 'e', languageModel: 'l', instructionRank: 3 });
  const prompt = {
    task: 'notes',
    base: 'instruction',
    rows: { shape: [following.instructionRows, following.hiddenSize], data: new Float32Array(instruction.rows.length) },
  } as const;
  const { rows } = instructionWithPersonalPrompt(following, prompt, query).instruction;
  expect(rows).toEqual(instructionRows(following, 'notes', query));
  expect(rows).not.toEqual(following.parametersOf('notes').instruction);
});

test('rows of another plug are refused', () => {
  const rows = { shape: [1, 3], data: new Float32Array(3) };
  expect(() => withPersonalPrompt({ instruction, persona }, { task: 'notes', base: 'persona', rows })).toThrow(
    expect.objectContaining({ code: 'model-mismatch' }),
  );
});
