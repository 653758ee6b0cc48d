// An engine session in the shape that the shared decoding loop appends to.
import type { Sequence } from '../onnx/causal-graph.ts';
import type { EngineSession } from './engine-session.ts';

/** The loop appends real tokens only: their rows come from the model's own table. */
export function asSequence(session: EngineSession, promptTokens: number): Sequence {
  let length = promptTokens;
  return {
    get length() {
      return length;
    },
    async append(positions, _lastLogits, options) {
      const logits = await session.append(positions.ids, options);
      length += positions.length;
      return [logits];
    },
    [Symbol.dispose]() {},
  };
}
