// Counts the same texts with every contender as wasm, interleaved, as `benches/speed.rs` does natively:
//
//   node benches/wasm.mjs MODULE.wasm TEXTS [kB a piece] [rounds]
//
// Each contender has an instance of its own, so that what it keeps on the heap is its own.

import { readFileSync, readdirSync } from "node:fs";
import { WASI } from "node:wasi";

const NAMES = ["tokens", "tiktoken-rs", "bpe-openai", "tiktoken"];
const [module_path, folder, kb = "10", rounds = "5"] = process.argv.slice(2);
const module = new WebAssembly.Module(readFileSync(module_path));

function instance() {
  const wasi = new WASI({ version: "preview1" });
  const instance = new WebAssembly.Instance(module, wasi.getImportObject());
  wasi.initialize(instance);
  return instance.exports;
}

function time(work) {
  const start = process.cpuUsage();
  const wall = process.hrtime.bigint();
  const result = work();
  const took = Number(process.hrtime.bigint() - wall) / 1e6;
  const { user, system } = process.cpuUsage(start);
  return { result, ms: Math.min(took, (user + system) / 1e3) };
}

class Contender {
  constructor(name, index) {
    Object.assign(this, { name, index });
    const before = time(() => instance());
    this.wasm = before.result;
    this.room = this.wasm.room(1 << 21);
    const pages = this.wasm.memory.buffer.byteLength;
    this.start = time(() => this.count(new TextEncoder().encode("x"), 1000)).ms;
    this.heap = this.wasm.memory.buffer.byteLength - pages;
  }
  load(bytes) {
    new Uint8Array(this.wasm.memory.buffer).set(bytes, this.room);
    this.bytes = bytes.length;
  }
  run(size, length = this.bytes) {
    return this.wasm.count(this.index, this.room, length, size);
  }
  count(bytes, size) {
    this.load(bytes);
    return this.run(size);
  }
}

const median = (figures) => figures.sort((a, b) => a - b)[figures.length >> 1];

const contenders = NAMES.map((name, index) => new Contender(name, index));
console.log("start, ms  ", contenders.map(({ name, start, heap }) => `${name} ${start.toFixed(2)} (${heap >> 10} kB)`).join("  "));
const texts = readdirSync(folder).filter((name) => name.endsWith(".txt")).sort();
const size = Number(kb) * 1000;
const figures = new Map();
for (let round = 0; round <= rounds; round++) {
  for (const name of texts) {
    const bytes = readFileSync(`${folder}/${name}`);
    const counts = [];
    for (const contender of contenders) {
      contender.load(bytes);
      const { result, ms } = time(() => contender.run(size));
      counts.push(result);
      const key = `${name} ${contender.name}`;
      // The first round lets the engine compile what is hot.
      if (round > 0) figures.set(key, [...(figures.get(key) ?? []), bytes.length / 1e3 / ms]);
    }
    if (counts.some((count) => count !== counts[0])) throw new Error(`${name}: ${counts}`);
  }
}
console.log("MB/s        " + NAMES.map((name) => name.padStart(12)).join(""));
for (const name of texts) {
  console.log(name.replace(".txt", "").padEnd(12) + NAMES.map((who) => median(figures.get(`${name} ${who}`)).toFixed(0).padStart(12)).join(""));
}
