// How far two arrays of numbers are apart.

/** Largest absolute difference; infinite where the lengths differ, one is missing or empty, or a number is not finite on one side. */
export function largestDifference(left: Float32Array | undefined, right: Float32Array | undefined): number {
  if (left === undefined || right === undefined || left.length === 0 || left.length !== right.length) return Infinity;
  // A NaN on either side must not pass as a small difference.
  return left.reduce((largest, value, index) => {
    const difference = Math.abs(value - (right[index] ?? Number.NaN));
    return difference <= largest ? largest : Number.isNaN(difference) ? Infinity : difference;
  }, 0);
}
