/** The released runner, on its default engine and weights. */
import { Runner } from './site/runner.js';

const runner = await Runner.load('./site/');
globalThis.predict = (inputs) => runner.predict(inputs);
