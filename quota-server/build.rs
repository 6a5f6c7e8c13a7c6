//! Compiles the services without `protoc`, so that a fresh machine needs nothing but cargo.

use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let quota = Path::new("../crates/quota/proto");
    println!("cargo:rerun-if-changed=proto");
    println!("cargo:rerun-if-changed={}", quota.display());

    let files = protox::compile(["tollkeeper/v1/quota.proto"], [quota])?;
    tonic_prost_build::configure().extern_path(".tollkeeper.v1", "::quota::proto").compile_fds(files)?;

    let files = protox::compile(["envoy/service/ratelimit/v3/rls.proto"], ["proto"])?;
    tonic_prost_build::configure().compile_fds(files)?;
    Ok(())
}
