/**
 * Asks the model server for its answer, to show it beside the browser's.
 *
 * server.json says whether there is a model server. On a static host it says no; a page's server
 * that has a model server gives another answer (web/server/site_server.py). The model server is
 * reached only through the page's own origin.
 */
import { type Answer, answerOf, type Contract, elements, type TensorSpec } from './contract.ts';
import { fetchJson } from './http.ts';
import { elementType, type Inputs, type TensorData } from './inputs.ts';

export interface ServerAnswer {
  /** undefined until there is an answer. */
  readonly answer?: Answer;
  readonly milliseconds?: number;
  /** Why there is no answer; empty otherwise. */
  readonly problem: string;
}

/** Returns the address for predictions; undefined without a model server. */
export async function findServer(base: URL): Promise<URL | undefined> {
  if (!navigator.onLine) return undefined;
  try {
    const { predict } = (await fetchJson('server.json', base)) as { predict: string | null };
    return predict ? new URL(predict, base) : undefined;
  } catch {
    // The page's server cannot be reached, so there is nothing to compare with.
    return undefined;
  }
}

/** Returns the server's answer, from the same version of the model as the page's. */
export async function askServer(
  server: URL,
  contract: Contract,
  inputs: Inputs,
): Promise<ServerAnswer> {
  const instance = Object.fromEntries(
    contract.inputs.map((spec) => [spec.name, nested(inputs[spec.name]!, spec)]),
  );
  const url = new URL(contract.version === null ? '' : String(contract.version), server);
  const start = performance.now();
  let response: Response;
  try {
    response = await fetch(url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ instances: [instance] }),
    });
    const answer = (await response.json()) as { predictions?: unknown[]; error?: string };
    const milliseconds = performance.now() - start;
    if (!answer.predictions) return { problem: answer.error ?? `it answered ${response.status}` };
    return { answer: named(answer.predictions[0], contract), milliseconds, problem: '' };
  } catch {
    return { problem: 'it did not answer' };
  }
}

/** With several outputs, the server returns them by name; a single one, without its name. */
function named(prediction: unknown, contract: Contract): Answer {
  const [first, ...others] = contract.outputs;
  const outputs = others.length ? prediction : { [first!.name]: prediction };
  return answerOf(outputs as Record<string, unknown>, contract);
}

/** Returns the values as nested arrays of the tensor's shape, as TensorFlow Serving takes them. */
export function nested(data: TensorData, spec: TensorSpec): unknown {
  let values: unknown[] = Array.from(data as ArrayLike<number | string>).slice(0, elements(spec));
  if (elementType(spec) === 'bool') values = values.map(Boolean);
  for (const length of spec.shape.slice(1).reverse()) {
    values = Array.from({ length: values.length / length }, (_, index) =>
      values.slice(index * length, (index + 1) * length),
    );
  }
  return spec.shape.length ? values : values[0];
}
