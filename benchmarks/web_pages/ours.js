/** The released runner, with its default weights, on its default engine or another. */
import { Runner } from './site/runner.js';

const engine = new URLSearchParams(location.search).get('engine') ?? undefined;
const runner = await Runner.load('./site/', { engine });
globalThis.predict = (inputs) => runner.predict(inputs);
