/** Functions of a model's probabilities. */

/** Returns the index of the largest value. */
export function topClass(probabilities: readonly number[]): number {
  return probabilities.reduce((best, value, index) => (value > probabilities[best]! ? index : best), 0);
}

/** Returns the largest difference of any probability. */
export function largestDifference(some: ArrayLike<number>, others: ArrayLike<number>): number {
  let largest = 0;
  for (let index = 0; index < others.length; index++) {
    const difference = Math.abs(some[index]! - others[index]!);
    // A NaN never agrees.
    if (!(difference <= largest)) largest = Number.isNaN(difference) ? Infinity : difference;
  }
  return largest;
}
