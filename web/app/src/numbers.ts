/** Numbers in words, and how far two answers are apart. */

export function percent(value: number): string {
  if (value > 0 && value < 0.001) return '< 0.1 %';
  if (value < 1 && value > 0.999) return '> 99.9 %';
  return `${(value * 100).toFixed(1)} %`;
}

/** Returns a number of any size with four digits, and its unit. */
export function shown(value: number, unit = ''): string {
  const size = Math.abs(value);
  const plain = size === 0 || (size >= 1e-4 && size < 1e9);
  const text = plain ? value.toLocaleString('en', { maximumSignificantDigits: 4 }) : value.toExponential(3);
  return unit ? `${text} ${unit}` : text;
}

/** Returns the index of the largest value. */
export function largest(values: readonly number[]): number {
  return values.reduce((best, value, index) => (value > values[best]! ? index : best), 0);
}

/** Returns the largest difference of any two values. */
export function largestDifference(some: ArrayLike<number>, others: ArrayLike<number>): number {
  let largest = 0;
  for (let index = 0; index < others.length; index++) {
    const difference = Math.abs(some[index]! - others[index]!);
    // A NaN never agrees.
    if (!(difference <= largest)) largest = Number.isNaN(difference) ? Infinity : difference;
  }
  return largest;
}
