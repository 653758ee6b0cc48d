// The (IA)³ vectors of the golden gradients, which Python computes in the same way.
import { ia3Name, ia3Places, ia3Width, type Ia3Sizes } from '../../adapter/ia3.ts';
import type { Tensor } from '../../model-package/tensor.ts';
import { waves } from './waves.ts';

/** l − 1 by `layers.<n>.<k|v|down>`, within ±0.3; see training/golden/gradients.py. */
export function goldenIa3(shape: Ia3Sizes): Map<string, Tensor> {
  const vectors = new Map<string, Tensor>();
  for (let layer = 0; layer < shape.layers; layer++) {
    for (const place of ia3Places) {
      const values = waves([ia3Width(shape, place)], 0.3, 0.29 + 0.01 * vectors.size, 0.6);
      vectors.set(ia3Name(layer, place), values);
    }
  }
  return vectors;
}
