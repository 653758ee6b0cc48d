// The largest difference of two arrays of numbers.

/** Largest absolute difference; infinite where the lengths differ, one is missing or empty, or a number is not finite on one side. */
export function largestDifference(left: Float32Array | undefined, right: Float32Array | undefined): number {
  if (left === undefined || right === undefined || left.length === 0 || left.length !== right.length) return Infinity;
  // A NaN on either side must not count as a small difference.
  return left.reduce((largest, value, index) => {
    const difference = Math.abs(value - (right[index] ?? Number.NaN));
    return difference <= largest ? largest : Number.isNaN(difference) ? Infinity : difference;
  }, 0);
}
