// A small ONNX graph for tests, written byte by byte.

/** Protocol buffer fields of a model of one node: a tag, then a number, or a length and bytes. */
const number = (field: number, value: number): number[] => [field << 3, value];
const bytes = (field: number, content: readonly number[]): number[] => [(field << 3) | 2, content.length, ...content];
const text = (field: number, content: string): number[] => bytes(field, [...new TextEncoder().encode(content)]);

/** ModelProto of `y = Neg(x)` on float32 vectors of any length. */
export function negationGraph(): Uint8Array<ArrayBuffer> {
  const value = (name: string): number[] => {
    const shape = bytes(2, bytes(1, text(2, 'n')));
    return [...text(1, name), ...bytes(2, bytes(1, [...number(1, 1), ...shape]))];
  };
  const node = [...text(1, 'x'), ...text(2, 'y'), ...text(4, 'Neg')];
  const graph = [...bytes(1, node), ...text(2, 'negation'), ...bytes(11, value('x')), ...bytes(12, value('y'))];
  return Uint8Array.from([...number(1, 8), ...bytes(7, graph), ...bytes(8, number(2, 17))]);
}
