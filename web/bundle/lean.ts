/**
 * A Vite plugin that leaves out the parts of TensorFlow.js and of the page that one model does not use.
 *
 * TensorFlow.js decides by name at run time which operation and which kernel to call, so no bundler
 * can see what is unused. This plugin cuts six places down to the names of one graph. The bundler's
 * own tree shaking then drops everything that only the removed parts referred to:
 *
 *     tfjs-converter/…/op_list/*.js            how each operation's attributes are read
 *     tfjs-converter/…/*_executor.js           a switch case for each operation and category
 *     tfjs-backend-…/register_all_kernels.js   the kernels of each backend
 *     tfjs-backend-web…/…/kernel_utils/shared  functions of the CPU backend, imported as one object
 *     tfjs-backend-wasm/wasm-out/*threaded*    code for threads, which the page does not use
 *     tfjs-core/dist/index.js                  the optimizers, for training
 *
 * It is an error if there is nothing to cut: this TensorFlow.js then has a different structure.
 *
 * The WebAssembly files of tfjs-backend-wasm, which are imported as URLs, are trimmed as well. Of the
 * page's own modules, those for other roles of outputs and other kinds of inputs are left out.
 */
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';

import type { Plugin } from 'vite';

import { trim } from './trim_wasm.ts';
import type { WasmNeeds } from './wasm_needs.ts';

/** The parts that a model needs, as found by `kernels.ts`. */
export interface Needs {
  /** TensorFlow operations of the graph, such as `_FusedConv2D`. */
  readonly operations: readonly string[];
  /** TensorFlow.js kernels that run for them, such as `FusedConv2D`. */
  readonly kernels: readonly string[];
  /** The parts of each WebAssembly file that run; null leaves the files complete. */
  readonly wasm: Readonly<Record<string, WasmNeeds>> | null;
  /** The roles of the model's outputs: modules in app/src/roles/. */
  readonly roles: readonly string[];
  /** Whether some of its inputs are pictures, and whether others are not. */
  readonly pictures: boolean;
  readonly fields: boolean;
}

export function lean(needs: Needs): Plugin {
  const operations = new Set(needs.operations);
  const kernels = new Set(needs.kernels);
  const categories = new Set<string>();
  return {
    name: 'lean-tensorflowjs',
    enforce: 'pre',
    async buildStart() {
      // The modules load in no known order: the categories must be known before the first one.
      const lists = await this.resolve('@tensorflow/tfjs-converter');
      if (!lists) throw new Error('@tensorflow/tfjs-converter is not installed');
      for (const [name, category] of await categoriesOf(lists.id)) {
        if (operations.has(name)) categories.add(category);
      }
    },
    async load(id) {
      const file = /^(.*\/tfjs-backend-wasm\/.*\.wasm)\?url$/.exec(id)?.[1];
      const wasm = file && needs.wasm?.[basename(file)];
      if (!wasm) return null;
      const functions = wasm.functions && new Set(wasm.functions);
      const source = trim(await readFile(file), new Set(wasm.kernels), functions);
      const reference = this.emitFile({ type: 'asset', name: basename(file), source });
      return `export default import.meta.ROLLUP_FILE_URL_${reference};`;
    },
    async transform(code, id) {
      if (id.endsWith('/app/src/roles/table.ts')) return rolesOf(needs);
      if (id.endsWith('/app/src/inputs/ways.ts')) return waysOf(needs);
      const module = /@tensorflow\/(tfjs-[\w-]+\/(?:dist|wasm-out)\/.*)\.js$/.exec(id.split('?')[0]!)?.[1];
      if (!module) return null;
      if (module.includes('/operations/op_list/')) return keepOperations(code, operations);
      if (module.endsWith('/operations/operation_executor')) {
        return keepCases(code, 'node.category', categories);
      }
      if (/\/operations\/executors\/\w+_executor$/.test(module)) {
        return useOperationsDirectly(keepCases(code, 'node.op', operations));
      }
      if (module.endsWith('/register_all_kernels')) {
        return keepKernels(code, kernels, id.split('?')[0]!);
      }
      if (/-web(gl|gpu)\/dist\/kernel_utils\/shared$/.test(module)) return importByName(code);
      if (module.endsWith('-threaded-simd')) return 'export default {};';
      if (module === 'tfjs-core/dist/index') return cut(code, /^registerOptimizers\(\);$/m);
      return null;
    },
  };
}

/** Returns the module with the table of the wanted roles alone. */
function rolesOf({ roles }: Needs): string {
  const imports = roles.map((role) => `import { ${role} } from './${role}.ts';`);
  return [...imports, `export const ROLES = { ${roles.join(', ')} };`].join('\n');
}

/** Returns the module with the wanted ways to give inputs alone. */
function waysOf({ fields, pictures }: Needs): string {
  const wanted = [
    ...(fields ? [['fields', 'renderFields'] as const] : []),
    ...(pictures ? [['pictures', 'connectPictures'] as const] : []),
  ];
  const imports = wanted.map(([way, name]) => `import { ${name} } from './${way}.ts';`);
  const entries = wanted.map(([way, name]) => `${way}: ${name}`);
  return [...imports, `export const WAYS = { ${entries.join(', ')} };`].join('\n');
}

interface OperationEntry {
  readonly tfOpName: string;
  readonly category: string;
}

async function categoriesOf(index: string): Promise<[string, string][]> {
  const { readdir } = await import('node:fs/promises');
  const folder = new URL('operations/op_list/', `file://${index}`);
  const files = (await readdir(folder)).filter((name) => name.endsWith('.js'));
  const lists = await Promise.all(
    files.map(async (name) => entries(await text(new URL(name, folder)))),
  );
  return lists.flat().map((entry) => [entry.tfOpName, entry.category]);
}

async function text(file: URL): Promise<string> {
  const { readFile } = await import('node:fs/promises');
  return readFile(file, 'utf8');
}

const LIST = /^export const json = (\[.*?^\]);$/ms;

/** Returns the entries of an op_list module: one array literal, without computed values. */
function entries(code: string): OperationEntry[] {
  const literal = LIST.exec(code)?.[1];
  if (!literal) throw new Error('an op_list module of tfjs-converter has an unexpected structure');
  return new Function(`return ${literal}`)() as OperationEntry[];
}

function keepOperations(code: string, operations: ReadonlySet<string>): string {
  const kept = entries(code).filter((entry) => operations.has(entry.tfOpName));
  return `export const json = ${JSON.stringify(kept)};`;
}

/**
 * Returns the module without those cases of `switch (subject)` to which no wanted label leads.
 *
 * A case's lines belong to all labels directly above them. None of these modules falls through from
 * one body into the next, and each case starts a line with the indentation of the first.
 */
function keepCases(code: string, subject: string, wanted: ReadonlySet<string>): string {
  const lines = code.split('\n');
  const first = lines.findIndex((line) => line.trim() === `switch (${subject}) {`) + 1;
  const indent = /^ *case /.exec(lines[first] ?? '')?.[0].length;
  if (!first || !indent) throw new Error(`a module of tfjs-converter has no switch (${subject})`);
  const label = new RegExp(`^ {${indent - 5}}(?:case '(\\w+)'|default):(.*)$`);
  const end = lines.findIndex(
    (line, index) => index > first && line === `${' '.repeat(indent - 9)}}`,
  );
  const kept: string[] = [];
  let group: string[] = [];
  let labels: string[] = [];
  let inBody = true;
  const flush = (): void => {
    if (labels.some((name) => name === 'default' || wanted.has(name))) kept.push(...group);
    [group, labels] = [[], []];
  };
  for (const line of lines.slice(first, end)) {
    const match = label.exec(line);
    if (match) {
      if (inBody) flush();
      labels.push(match[1] ?? 'default');
      inBody = match[2]!.trim() !== '';
    } else {
      inBody = true;
    }
    group.push(line);
  }
  flush();
  return [...lines.slice(0, first), ...kept, ...lines.slice(end)].join('\n');
}

/** The executors pass all operations as one object, which keeps every operation in the bundle. */
function useOperationsDirectly(code: string): string {
  if (!code.includes('ops = tfOps)')) return code;
  return code.replaceAll('ops = tfOps)', '_)').replace(/(?<![\w.])ops\./g, 'tfOps.');
}

/** One object of all functions keeps each of them in a file that all backends load. */
function importByName(code: string): string {
  const taken = /^import \* as shared from ('[^']+');\nconst \{ ([^}]+), \} = shared;$/m;
  if (!taken.test(code)) {
    throw new Error('a backend imports functions of the CPU backend in an unexpected way');
  }
  return code.replace(taken, (_, from: string, names: string) => {
    return `import { ${names.replaceAll(': ', ' as ')} } from ${from};`;
  });
}

async function keepKernels(
  code: string,
  kernels: ReadonlySet<string>,
  id: string,
): Promise<string> {
  const imports = [...code.matchAll(/^import \{ (\w+) \} from '\.\/kernels\/(\w+)';$/gm)];
  const configs = new Map(imports.map(([, config, file]) => [file!, config!]));
  const kept = [...kernels].filter((name) => configs.has(name));
  // A backend may lack a kernel that another has; running the model on it reports that.
  if (!kept.length) throw new Error(`${id} has none of the kernels that the model uses`);
  const folder = new URL('kernels/', `file://${id}`);
  const lines = ["import { registerKernel } from '@tensorflow/tfjs-core';"];
  const imported = new Set<string>();
  const registrations: string[] = [];
  for (const name of kept) {
    const helpers = (await calledBy(name, folder)).filter((file) => configs.has(file));
    for (const file of [name, ...helpers]) imported.add(file);
    registrations.push(registration(configs.get(name)!, helpers.map((file) => configs.get(file)!)));
  }
  lines.push(...[...imported].map((file) => `import { ${configs.get(file)} } from './kernels/${file}';`));
  return [...lines, ...registrations].join('\n');
}

/** Returns the registration of a kernel, which first sets up the kernels that it calls. */
function registration(config: string, helpers: readonly string[]): string {
  if (!helpers.length) return `registerKernel(${config});`;
  return `registerKernel({ ...${config}, setupFunc: (backend) => {
    for (const { setupFunc } of [${[...helpers, config].join(', ')}]) setupFunc?.(backend);
  } });`;
}

/**
 * Returns the modules with their own set-up that a kernel's module reaches through imports.
 *
 * Kernels of the WebAssembly backend call one another without the registry: Mean calls Transpose
 * when the axes require it. Only a kernel's set-up connects it with the WebAssembly code.
 */
async function calledBy(
  name: string,
  folder: URL,
  seen: Set<string> = new Set([name]),
): Promise<string[]> {
  const { existsSync } = await import('node:fs');
  const file = new URL(`${name}.js`, folder);
  if (!existsSync(file)) return [];
  const reached: string[] = [];
  for (const [, next] of (await text(file)).matchAll(/ from '\.\/(\w+)';$/gm)) {
    if (seen.has(next!)) continue;
    seen.add(next!);
    const module = new URL(`${next}.js`, folder);
    if (existsSync(module) && /^ +setupFunc:/m.test(await text(module))) reached.push(next!);
    reached.push(...(await calledBy(next!, folder, seen)));
  }
  return reached;
}

function cut(code: string, what: RegExp): string {
  if (!what.test(code)) throw new Error(`tfjs-core has no ${what.source} that could be left out`);
  return code.replace(what, '');
}
