// How long a worker is held at most: texts that are meant to hold it, counted within the steps that the filter allows a
// prompt, as wasm in node. Prints the rows of the table in src/work.rs.
//
//   node benches/steps.mjs MODULE.wasm [TEXTS [STEPS [RUNS]]]
//
// Each text as a megabyte and, for what of a megabyte without end is not even begun, as a fifth of it: the slower counts. The
// least of the runs' processor times, for what else a machine does only ever adds to it; steps done in thousands.

import { existsSync, readFileSync } from "node:fs";
import { WASI } from "node:wasi";

const [module_path, folder = "target/texts", steps = "750000", runs = "11"] = process.argv.slice(2);
const wasi = new WASI({ version: "preview1" });
const unused = () => { throw new Error("only Envoy has this"); };
const env = { proxy_get_buffer_bytes: unused, proxy_log: unused };
const module = new WebAssembly.Module(readFileSync(module_path));
const wasm = new WebAssembly.Instance(module, { ...wasi.getImportObject(), env });
wasi.initialize(wasm);
const { room, left_of, token, memory } = wasm.exports;

const SIZE = 1 << 20;
const TOKENS = 199_998;
const place = room(SIZE + 1024);

// xorshift32, so that every run counts the same texts.
let state = 1;
function below(limit) {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % limit;
}

const repeated = (unit) => unit.repeat(SIZE / unit.length);
const of = (unit) => {
  let [text, size] = [[], 0];
  while (size < SIZE) {
    const next = unit();
    text.push(next);
    size += Buffer.byteLength(next);
  }
  return text.join("");
};
const pick = (units) => units[below(units.length)];
const among = (first, last) => () => String.fromCodePoint(first + below(last - first + 1));
const runs_of = (units) => of(() => pick(units).repeat(1 + below(200)));
const word = (length, letter) => Array.from({ length }, letter).join("");
const letters = (number) => among(97, 96 + number);
const BASE64 = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"];

function any_character() {
  const code = below(0x110000);
  return code >= 0xd800 && code < 0xe000 ? "x" : String.fromCodePoint(code);
}

// The thousand longest tokens that are text, which take the longest look-ups.
function longest_tokens() {
  const all = [];
  for (let rank = 0; rank < TOKENS; rank++) {
    const length = token(rank, place);
    const bytes = new Uint8Array(memory.buffer, place, length);
    if (bytes.length > 12) all.push(Buffer.from(bytes).toString());
  }
  const text = all.filter((one) => !one.includes("\ufffd"));
  return text.sort((a, b) => Buffer.byteLength(b) - Buffer.byteLength(a)).slice(0, 1000);
}

const longest = longest_tokens();
const written = (name) => {
  const path = `${folder}/${name}.txt`;
  if (existsSync(path)) return readFileSync(path, "utf8").repeat(3);
  console.log(`skipped: ${name} (no ${path}; benches/texts.py makes it)`);
};
const CLASSES = {
  "English prose": () => written("prose"),
  "code": () => written("code"),
  "Chinese": () => written("chinese"),
  "Japanese": () => written("japanese"),
  "Russian": () => written("russian"),
  "Arabic": () => written("arabic"),
  "Hindi": () => written("hindi"),
  "one letter": () => repeated("a"),
  "spaces": () => repeated(" "),
  "newlines": () => repeated("\n"),
  "`====…#`": () => `${repeated("=")}#`,
  "`abab…`": () => repeated("ab"),
  "mixed white space": () => of(() => " \t \u00a0\u3000"),
  "combining marks": () => of(() => "\u0301"),
  "runs of blanks": () => runs_of([" ", "\t", "\n", "\u00a0", "\u3000"]),
  "runs of symbols": () => runs_of(["=", "-", "*", "#", "/", ".", "_", "\\", "~"]),
  "longest tokens": () => of(() => pick(longest)),
  "longest tokens, cut": () => of(() => { const one = [...pick(longest)]; return one.slice(below(one.length)).join(""); }),
  "random letters of 26": () => of(letters(26)),
  "random letters of 3": () => of(letters(3)),
  "random words of 5": () => of(() => ` ${word(5, letters(26))}`),
  "random words of 14": () => of(() => ` ${word(14, letters(26))}`),
  "random words of 17": () => of(() => ` ${word(17, letters(26))}`),
  "random words of 60": () => of(() => ` ${word(60, letters(26))}`),
  "base64": () => of(() => pick(BASE64)),
  "random ASCII": () => of(among(32, 126)),
  "random digits": () => of(among(48, 57)),
  "random Latin-1 letters": () => of(among(0xc0, 0xff)),
  "random Cyrillic": () => of(among(0x410, 0x44f)),
  "random Arabic": () => of(among(0x620, 0x64a)),
  "random Hindi": () => of(among(0x904, 0x94d)),
  "random Thai": () => of(among(0xe01, 0xe3a)),
  "random kana": () => of(among(0x3041, 0x30fe)),
  "random Han": () => of(among(0x4e00, 0x9dff)),
  "random Hangul": () => of(among(0xac00, 0xd7a3)),
  "random emoji": () => of(among(0x1f300, 0x1f64f)),
  "random characters": () => of(any_character),
};

function measure(encoding, text, size) {
  const bytes = new Uint8Array(SIZE + 1024);
  const { written } = new TextEncoder().encodeInto(text, bytes.subarray(0, size));
  new Uint8Array(memory.buffer).set(bytes.subarray(0, written), place);
  const work = BigInt(steps);
  let [ms, done] = [Infinity, 0];
  for (let run = 0; run < runs; run++) {
    const [cpu, clock] = [process.cpuUsage(), process.hrtime.bigint()];
    done = Number(work - left_of(encoding, place, written, work));
    const passed = Number(process.hrtime.bigint() - clock) / 1e6;
    const { user, system } = process.cpuUsage(cpu);
    // The engine compiles in other threads: where that is more than the clock says, the clock is right.
    ms = Math.min(ms, passed, (user + system) / 1e3);
  }
  return [ms.toFixed(1), (done / 1e3).toFixed(0), (ms / done * 1e6).toFixed(1)];
}

const row = (name, figures) => console.log(name.padEnd(24) + figures.map((figure) => String(figure).padStart(9)).join(""));
row("", ["o200k ms", "k steps", "ns each", "cl100k ms", "k steps", "ns each"]);
// Once before, so that the engine has compiled everything.
const texts = Object.entries(CLASSES).map(([name, make]) => [name, make()]).filter(([, text]) => text);
const slower = (encoding, text) => [SIZE, SIZE / 5].map((size) => measure(encoding, text, size)).sort((a, b) => b[0] - a[0])[0];
texts.forEach(([, text]) => [0, 1].forEach((encoding) => measure(encoding, text, SIZE)));
const worst = [0, 0];
for (const [name, text] of texts) {
  const figures = [0, 1].map((encoding) => slower(encoding, text));
  figures.forEach(([ms], encoding) => { worst[encoding] = Math.max(worst[encoding], ms); });
  row(name, figures.flat());
}
row("the worst", [worst[0].toFixed(1), "", "", worst[1].toFixed(1)]);
