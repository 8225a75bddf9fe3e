/**
 * Reads and writes WebAssembly modules: only the parts of TensorFlow.js' that trim_wasm.ts changes.
 *
 * The format: https://webassembly.github.io/spec/core/binary/
 */

/** Ids of sections. */
const IMPORTS = 2;
const GLOBALS = 6;
const EXPORTS = 7;
const ELEMENTS = 9;
const CODE = 10;

export const FUNCTION = 0;
export const GLOBAL = 3;

export interface Export {
  readonly name: string;
  /** FUNCTION, 1 for a table, 2 for a memory, or GLOBAL. */
  readonly kind: number;
  readonly index: number;
}

/** An instruction of a function's body, with prefixed ones as `prefix << 8 | code`. */
export interface Instruction {
  readonly code: number;
  /** Its last immediate number: the function of a call, the offset of a load. */
  readonly operand: number;
  readonly at: number;
  readonly end: number;
}

export class WasmModule {
  /** The number of imported functions, which is the index of the first one with a body here. */
  readonly imported: number;
  /** The functions in tables, which indirect calls can reach. */
  readonly inTables: readonly number[];
  exports: readonly Export[];
  /** The local variables and instructions of the functions from index `imported` on. */
  bodies: readonly Uint8Array[];
  readonly #sections: readonly (readonly [id: number, content: Uint8Array])[];
  #flags = 0;

  constructor(bytes: Uint8Array) {
    const sections: [number, Uint8Array][] = [];
    const reader = new Reader(bytes, 8);
    while (!reader.ended) sections.push([reader.byte(), reader.bytes(reader.unsigned())]);
    this.#sections = sections;
    this.imported = this.#vector(IMPORTS, importedKind).filter((kind) => kind === FUNCTION).length;
    this.exports = this.#vector(EXPORTS, (each) => ({
      name: each.name(),
      kind: each.byte(),
      index: each.unsigned(),
    }));
    this.inTables = this.#vector(ELEMENTS, elements).flat();
    this.bodies = this.#vector(CODE, (each) => each.bytes(each.unsigned()));
  }

  /** Returns the number of global variables, including those that were added. */
  get globals(): number {
    return this.#vector(GLOBALS, () => 0).length + this.#flags;
  }

  /** Adds a global variable that is initially 0, and returns its index. */
  addFlag(): number {
    this.#flags += 1;
    return this.globals - 1;
  }

  encode(): Uint8Array {
    const parts: Uint8Array[] = [new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0])];
    for (const [id, old] of this.#sections) {
      const content = this.#content(id, old);
      parts.push(new Uint8Array([id, ...leb(content.length)]), content);
    }
    return concatenated(parts);
  }

  #content(id: number, old: Uint8Array): Uint8Array {
    if (id === GLOBALS) {
      const reader = new Reader(old);
      const count = reader.unsigned();
      // Each is an i32, mutable, and initially i32.const 0.
      const flags = Array<number[]>(this.#flags).fill([0x7f, 1, 0x41, 0, 0x0b]).flat();
      return concatenated([
        new Uint8Array(leb(count + this.#flags)),
        old.subarray(reader.at),
        new Uint8Array(flags),
      ]);
    }
    if (id === EXPORTS) {
      return vector(this.exports.map(({ name, kind, index }) => {
        const text = new TextEncoder().encode(name);
        return new Uint8Array([...leb(text.length), ...text, kind, ...leb(index)]);
      }));
    }
    if (id === CODE) {
      return vector(this.bodies.map((body) => concatenated([new Uint8Array(leb(body.length)), body])));
    }
    return old;
  }

  #vector<T>(id: number, read: (reader: Reader) => T): T[] {
    const content = this.#sections.find(([each]) => each === id)?.[1];
    if (!content) return [];
    const reader = new Reader(content);
    return Array.from({ length: reader.unsigned() }, () => read(reader));
  }
}

/** Yields the instructions of a function's body. Throws at an unknown one. */
export function* instructions(body: Uint8Array): Generator<Instruction> {
  const reader = new Reader(body, firstInstruction(body));
  while (!reader.ended) {
    const at = reader.at;
    const first = reader.byte();
    const code = first >= 0xfc ? (first << 8) | reader.unsigned() : first;
    const operand = immediates(code, reader);
    yield { code, operand, at, end: reader.at };
  }
}

/** Returns the offset of the first instruction, after the declaration of local variables. */
export function firstInstruction(body: Uint8Array): number {
  const reader = new Reader(body);
  for (let group = reader.unsigned(); group > 0; group -= 1) {
    reader.unsigned();
    reader.byte();
  }
  return reader.at;
}

/** Reads what follows an instruction's code and returns its last number. */
function immediates(code: number, reader: Reader): number {
  // Loads and stores (alignment, offset), call_indirect, memory.copy and the like.
  if ((code >= 0x28 && code <= 0x3e) || code === 0x11) return reader.unsigned(2);
  // Blocks (type), branches, calls, variables, memory.size and memory.grow, i32.const, i64.const:
  // signed and unsigned numbers are equally long.
  if ([0x02, 0x03, 0x04, 0x0c, 0x0d, 0x10, 0x3f, 0x40, 0x41, 0x42].includes(code)) {
    return reader.unsigned();
  }
  if (code >= 0x20 && code <= 0x24) return reader.unsigned();
  if (code === 0x0e) return reader.unsigned(reader.unsigned() + 1);
  if (code === 0x43) return reader.skip(4);
  if (code === 0x44) return reader.skip(8);
  if (code <= 0x01 || code === 0x05 || code === 0x0b || code === 0x0f) return 0;
  if (code === 0x1a || code === 0x1b || (code >= 0x45 && code <= 0xc4)) return 0;
  if (code >> 8 === 0xfc) {
    const bulk = code & 0xff;
    if (bulk <= 7) return 0;
    if (bulk === 10) return reader.unsigned(2);
    if (bulk === 11) return reader.unsigned();
  }
  if (code >> 8 >= 0xfd) {
    const simd = code - 0xfd00;
    if (simd <= 11 || simd === 92 || simd === 93) return reader.unsigned(2);
    if (simd === 12 || simd === 13) return reader.skip(16);
    if (simd <= 20) return 0;
    if (simd <= 34) return reader.byte();
    if (simd >= 84 && simd <= 91) {
      const offset = reader.unsigned(2);
      reader.byte();
      return offset;
    }
    if (simd <= 255) return 0;
  }
  throw new Error(`unknown WebAssembly instruction 0x${code.toString(16)}`);
}

function importedKind(reader: Reader): number {
  reader.name();
  reader.name();
  const kind = reader.byte();
  if (kind !== FUNCTION) throw new Error('a WebAssembly module imports more than functions');
  reader.unsigned();
  return kind;
}

/** Returns the functions of one segment, which must fill table 0 from a constant offset. */
function elements(reader: Reader): number[] {
  const [form, constant] = [reader.unsigned(), reader.byte()];
  if (form !== 0 || constant !== 0x41) {
    throw new Error('a WebAssembly module does not fill table 0 from a constant offset');
  }
  reader.unsigned();
  reader.byte();
  return Array.from({ length: reader.unsigned() }, () => reader.unsigned());
}

function vector(items: readonly Uint8Array[]): Uint8Array {
  return concatenated([new Uint8Array(leb(items.length)), ...items]);
}

function concatenated(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

/** Returns an unsigned number in LEB128. */
export function leb(value: number): number[] {
  const bytes: number[] = [];
  let left = value;
  do {
    bytes.push((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
    left = Math.floor(left / 128);
  } while (left > 0);
  return bytes;
}

class Reader {
  at: number;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = bytes;
    this.at = at;
  }

  get ended(): boolean {
    return this.at >= this.#bytes.length;
  }

  byte(): number {
    const value = this.#bytes[this.at];
    if (value === undefined) throw new Error('a WebAssembly module is truncated');
    this.at += 1;
    return value;
  }

  bytes(count: number): Uint8Array {
    this.at += count;
    return this.#bytes.subarray(this.at - count, this.at);
  }

  skip(count: number): number {
    this.at += count;
    return 0;
  }

  /** Reads `count` numbers in LEB128 and returns the last one. */
  unsigned(count = 1): number {
    let value = 0;
    for (let left = count; left > 0; left -= 1) {
      value = 0;
      let [unit, byte] = [1, 0];
      do {
        byte = this.byte();
        value += (byte & 0x7f) * unit;
        unit *= 128;
      } while (byte & 0x80);
    }
    return value;
  }

  name(): string {
    return new TextDecoder().decode(this.bytes(this.unsigned()));
  }
}
