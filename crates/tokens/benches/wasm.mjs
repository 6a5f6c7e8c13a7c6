// Counts the same texts with every contender as wasm in node, interleaved, and prints what benches/speed.rs prints:
//
//   node benches/wasm.mjs MODULE.wasm TEXTS [ROUNDS]
//
// Each contender has an instance of its own, so that what it keeps on the heap is its own; *heap* is that, in kB.

import { spawnSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { WASI } from "node:wasi";

const NAMES = ["tokens", "tiktoken-rs", "bpe-openai", "tiktoken", "no cache"];
const SIZES = [10_000, 1_000, 2_000, 100_000, 1_000_000];
const EVERY_SIZE = ["chat", "chinese", "code", "prose"];
const [module_path, folder, rounds = "5", worst_text, worst_contender] = process.argv.slice(2);
const module = new WebAssembly.Module(readFileSync(module_path));

function instance() {
  const wasi = new WASI({ version: "preview1" });
  const unused = () => { throw new Error("only Envoy has this"); };
  const env = { proxy_get_buffer_bytes: unused, proxy_log: unused };
  const instance = new WebAssembly.Instance(module, { ...wasi.getImportObject(), env });
  wasi.initialize(instance);
  return instance.exports;
}

// Milliseconds this process has run: other work on the machine then disturbs less. The engine compiles in other
// threads, so where that is more than the clock says, the clock is right.
function time(work) {
  const [cpu, wall] = [process.cpuUsage(), process.hrtime.bigint()];
  const result = work();
  const clock = Number(process.hrtime.bigint() - wall) / 1e6;
  const { user, system } = process.cpuUsage(cpu);
  return { result, ms: Math.min(clock, (user + system) / 1e3) };
}

class Contender {
  constructor(name) {
    this.name = name;
    this.index = NAMES.indexOf(name);
    this.wasm = instance();
    this.room = this.wasm.room(1 << 21);
    const empty = this.wasm.memory.buffer.byteLength;
    const bytes = new TextEncoder().encode("x");
    this.start = time(() => this.load(bytes).run(1, false)).ms;
    this.heap = (this.wasm.memory.buffer.byteLength - empty) / 1000;
  }
  load(bytes) {
    new Uint8Array(this.wasm.memory.buffer).set(bytes, this.room);
    this.bytes = bytes.length;
    return this;
  }
  run(size, again) {
    return this.wasm.count(this.index, this.room, this.bytes, size, again);
  }
}

const print = (what, text, size, who, figure) => console.log([what, text, size, who, figure].join("\t"));
const median = (figures) => figures.sort((a, b) => a - b)[figures.length >> 1];
const texts = (folder) => readdirSync(folder).filter((name) => name.endsWith(".txt")).sort()
  .map((name) => [name.replace(".txt", ""), readFileSync(`${folder}/${name}`)]);

function real() {
  const contenders = NAMES.map((name) => new Contender(name));
  for (const { name, start, heap } of contenders) {
    print("start", "-", 1, name, start.toFixed(4));
    print("heap", "-", 1, name, heap.toFixed(0));
  }
  // The engine compiles what is hot; it is not measured while it does.
  for (const [, bytes] of texts(folder)) contenders.forEach((contender) => contender.load(bytes).run(10_000, false));
  for (const size of SIZES) {
    const some = texts(folder).filter(([name]) => size === SIZES[0] || EVERY_SIZE.includes(name));
    const figures = new Map();
    for (let round = 0; round < rounds; round++) {
      for (const [name, bytes] of some) {
        const counts = new Set();
        for (const contender of contenders) {
          contender.load(bytes);
          for (const again of [false, true]) {
            const { result, ms } = time(() => contender.run(size, again));
            if (!again) counts.add(result);
            const key = [again ? "again" : "fresh", name, size, contender.name].join("\t");
            figures.set(key, [...(figures.get(key) ?? []), bytes.length / 1e3 / ms]);
          }
        }
        if (counts.size > 1) throw new Error(`${name}: ${[...counts]}`);
      }
    }
    for (const [key, all] of figures) console.log(`${key}\t${median(all).toFixed(1)}`);
  }
}

// In a process each, for some end the process: the stack overflows, or what they need does not fit.
function worst() {
  for (const [text, bytes] of texts(`${folder}/worst`)) {
    for (const who of NAMES) {
      const child = spawnSync(process.execPath, ["--no-warnings", ...process.argv.slice(1, 4), rounds, text, who], { encoding: "utf8" });
      print("worst", text, bytes.length, who, child.status === 0 ? child.stdout.trim() : "fails");
    }
  }
}

if (worst_text) {
  const contender = new Contender(worst_contender);
  for (const [, bytes] of texts(folder)) contender.load(bytes).run(10_000, false);
  const bytes = readFileSync(`${folder}/worst/${worst_text}.txt`);
  console.log(time(() => contender.load(bytes).run(1 << 21, false)).ms.toFixed(2));
} else {
  real();
  worst();
}
