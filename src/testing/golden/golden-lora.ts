// The LoRA matrices of the golden gradients, which Python computes in the same way.
import type { LowRankAdapter } from '../../adapter/weight-adapter.ts';
import type { Tensor } from '../../model-package/tensor.ts';
import { loraName, loraProjections, projectionWidth, type LoraSizes } from '../../adapter/lora.ts';
import { waves } from './waves.ts';

/** Matrices by `layers.<n>.<q|v>.<A|B>`; see training/golden/gradients.py. */
export function goldenLora(shape: LoraSizes, rank: number): Map<string, Tensor> {
  const parameters = new Map<string, Tensor>();
  let number = 0;
  for (let layer = 0; layer < shape.layers; layer++) {
    for (const projection of loraProjections) {
      const a = waves([rank, shape.hiddenSize], 0.05, 0.31 + 0.01 * number, 0.2);
      const b = waves([projectionWidth(shape, projection), rank], 0.05, 0.43 + 0.01 * number, 0.4);
      parameters.set(loraName(layer, projection, 'A'), a);
      parameters.set(loraName(layer, projection, 'B'), b);
      number++;
    }
  }
  return parameters;
}

/** The same as an adapter of rank 8. */
export function goldenLoraAdapter(shape: LoraSizes): LowRankAdapter {
  return { kind: 'lora', id: 'golden', rank: 8, scale: 1, matrices: goldenLora(shape, 8) };
}
