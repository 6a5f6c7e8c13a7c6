# Tollkeeper's menu: `./just RECIPE`. What a recipe needs is brought by the scripts it calls, once, into .tools/.

python := ".tools/venv/bin/python"

[private]
default:
    @{{ just_executable() }} --list --unsorted

# Show Tollkeeper at work: three tenants through a real Envoy, and their bill from both sides
demo *arguments: build
    ENVOY_BIN="$(scripts/setup-envoy)" {{ python }} demo/demo.py {{ arguments }}

# Start it all, leave it running, and say how to send a call (to OpenAI itself if OPENAI_API_KEY is set)
up *arguments: build
    ENVOY_BIN="$(scripts/setup-envoy)" {{ python }} demo/demo.py --up {{ arguments }}

# Pass the tests: format, lints, licences, docs, unit, wasm and end-to-end (or only the steps named)
test *steps:
    scripts/test {{ steps }}

# Measure Envoy alone, with an empty filter, with its own rate limit and with ours
bench *arguments: build
    scripts/wasm-build empty-filter target/empty-filter.wasm
    scripts/native-build bench-load
    ENVOY_BIN="$(scripts/setup-envoy)" {{ python }} bench/run.py {{ arguments }}
    ENVOY_BIN="$(scripts/setup-envoy)" {{ python }} crates/tokens/benches/run.py --rounds 3
    scripts/bench-wire

# Measure budgets alone: per call, between workers, messages to the server, and the server itself
bench-quota *arguments: build
    scripts/native-build bench-load
    REDIS_SERVER="$(scripts/setup-redis || true)" \
    ENVOY_BIN="$(scripts/setup-envoy)" {{ python }} bench/quota.py {{ arguments }}

# Measure counting alone against the other crates: natively, as wasm in node, and in Envoy
bench-tokens *arguments: setup
    ENVOY_BIN="$(scripts/setup-envoy)" {{ python }} crates/tokens/benches/run.py {{ arguments }}

# Measure reading alone: requests and responses of every format, natively and as wasm in node
bench-wire: setup
    scripts/bench-wire

# Fuzz what reads requests and responses, for FUZZ_SECONDS (300): all targets or those whose name contains a word
fuzz *targets:
    scripts/fuzz {{ targets }}

# Build the module: target/tollkeeper.wasm
filter:
    scripts/wasm-build filter target/tollkeeper.wasm

# Build the server and command line: target/release/tollkeeper
server:
    scripts/native-build tollkeeper

# Build what demo and tests run: module, server, provider stand-in; and bring Envoy and Python packages
build: setup filter
    scripts/native-build tollkeeper provider-stand-in

# Bring what building and running need: wasm target, Envoy, Python packages
setup:
    scripts/setup-wasm
    scripts/setup-python
    scripts/setup-envoy >/dev/null

# Format the code
fmt:
    cargo fmt --all

# Check format and lints, natively and for wasm
lint:
    scripts/test format clippy clippy-wasm

# Run the unit and property tests, natively
unit *arguments:
    cargo test --workspace {{ arguments }}

# Simulate the protocol: new seeds (`--seeds N`), or one of them step by step (`--seed N --trace`)
simulate *arguments:
    cargo run --release -q -p simulation -- {{ arguments }}

# Run the crates' tests as wasm in node
wasm-tests *arguments:
    scripts/wasm-tests {{ arguments }}

# Run the end-to-end tests against a real Envoy (arguments go to pytest)
e2e *arguments: build
    ENVOY_BIN="$(scripts/setup-envoy)" {{ python }} -m pytest tests/e2e {{ arguments }}
