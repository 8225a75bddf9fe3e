/**
 * Removes the parts of TensorFlow.js' WebAssembly files that one model does not use.
 *
 * Everything that the model's kernels can reach is kept. Direct calls are read from the code. The
 * targets of indirect calls, above all dozens of XNNPACK's microkernels for each operation, are
 * found by running the model in a file that records them (`probe`). A function that is left out
 * keeps its number and becomes an instruction that stops the program: if it is needed after all,
 * the result is an error, never a wrong answer.
 *
 * XNNPACK uses different microkernels on x86 and on ARM, and tells the two apart by the sign of a
 * NaN. So the model is run once more with that sign inverted, and the file holds the microkernels
 * of both.
 */
import { isKernel } from '../app/src/wasm_kernels.ts';
import {
  type Export,
  firstInstruction,
  FUNCTION,
  GLOBAL,
  type Instruction,
  instructions,
  leb,
  WasmModule,
} from './wasm_module.ts';

const CALL = 0x10;
const UNREACHABLE = new Uint8Array([0, 0x00, 0x0b]);
/** (i32.reinterpret_f32 (f32.sub (f32.load (i32.const X)) (f32.load (i32.const X)))) */
const SIGN_OF_NAN = [0x41, 0x2a, 0x41, 0x2a, 0x93, 0xbc];
const NEGATE = 0x8c;
const RAN = 'ran:';

/** Returns a file in which each function of the table sets a flag when it runs: see `ran`. */
export function probe(bytes: Uint8Array): Uint8Array {
  const module = new WasmModule(bytes);
  const bodies = [...module.bodies];
  const flags: Export[] = [];
  for (const index of new Set(module.inTables)) {
    const body = bodies[index - module.imported];
    if (!body) continue;
    const flag = module.addFlag();
    flags.push({ name: `${RAN}${index}`, kind: GLOBAL, index: flag });
    // i32.const 1, global.set
    const code = [0x41, 1, 0x24, ...leb(flag)];
    bodies[index - module.imported] = inserted(body, firstInstruction(body), code);
  }
  module.bodies = bodies;
  module.exports = [...module.exports, ...flags];
  return module.encode();
}

/** Returns the functions of the table that ran, by their numbers, from the exports of a probe. */
export function ran(exports: Readonly<Record<string, unknown>>): number[] {
  return Object.entries(exports)
    .filter(([name, flag]) => name.startsWith(RAN) && (flag as WebAssembly.Global).value === 1)
    .map(([name]) => Number(name.slice(RAN.length)));
}

/** Returns the file with the other processors' choice of microkernels; null when there is none. */
export function otherProcessor(bytes: Uint8Array): Uint8Array | null {
  const module = new WasmModule(bytes);
  const places = module.bodies.flatMap((body, index) =>
    signsOfNaN(body).map((at) => [index, at] as const),
  );
  if (places.length === 0) return null;
  if (places.length > 1) throw new Error('XNNPACK tells processors apart in more than one place');
  const [[index, at]] = places as [readonly [number, number]];
  module.bodies = module.bodies.with(index, inserted(module.bodies[index]!, at, [NEGATE]));
  return module.encode();
}

/** Returns the file with only these kernels, and these functions of the table or all of them. */
export function trim(
  bytes: Uint8Array,
  kernels: ReadonlySet<string>,
  tableFunctions: ReadonlySet<number> | null,
): Uint8Array {
  const module = new WasmModule(bytes);
  module.exports = module.exports.filter(({ name }) => !isKernel(name) || kernels.has(name));
  const roots = module.exports.filter(({ kind }) => kind === FUNCTION).map(({ index }) => index);
  const reached = new Set<number>();
  const pending = [...roots, ...(tableFunctions ?? module.inTables)];
  for (let index = pending.pop(); index !== undefined; index = pending.pop()) {
    if (reached.has(index)) continue;
    reached.add(index);
    const body = module.bodies[index - module.imported];
    if (body) pending.push(...callees(body));
  }
  module.bodies = module.bodies.map((body, index) =>
    reached.has(index + module.imported) ? body : UNREACHABLE,
  );
  return module.encode();
}

function callees(body: Uint8Array): number[] {
  return [...instructions(body)].filter(({ code }) => code === CALL).map(({ operand }) => operand);
}

/** Returns the offsets, after the subtraction, where a NaN's sign stands for the processor. */
function signsOfNaN(body: Uint8Array): number[] {
  const offsets: number[] = [];
  let last: Instruction[] = [];
  for (const instruction of instructions(body)) {
    last = [...last.slice(1 - SIGN_OF_NAN.length), instruction];
    const same = last[0]!.operand === last[2]?.operand && last[1]?.operand === last[3]?.operand;
    if (same && SIGN_OF_NAN.every((code, index) => last[index]?.code === code)) {
      offsets.push(instruction.at);
    }
  }
  return offsets;
}

function inserted(body: Uint8Array, at: number, code: readonly number[]): Uint8Array {
  return new Uint8Array([...body.subarray(0, at), ...code, ...body.subarray(at)]);
}
