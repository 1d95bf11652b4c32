//! Compiles proto/ with protox (no protoc to install), generates the Rust code, and keeps the descriptor set.

use std::path::{Path, PathBuf};
use std::{env, fs};

use prost::Message as _;

type AnyError = Box<dyn std::error::Error>;

fn main() -> Result<(), AnyError> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../../proto");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    println!("cargo:rerun-if-changed={}", root.display());

    let mut files = Vec::new();
    collect_protos(&root, &mut files)?;
    // Directory order differs between machines; the descriptor set must not.
    files.sort();

    let descriptors = protox::compile(&files, [&root])?;
    fs::write(out.join("waybill_descriptors.bin"), descriptors.encode_to_vec())?;

    tonic_prost_build::configure().bytes(".").btree_map(".").compile_fds(descriptors)?;
    Ok(())
}

fn collect_protos(directory: &Path, files: &mut Vec<PathBuf>) -> Result<(), AnyError> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            println!("cargo:rerun-if-changed={}", path.display());
            collect_protos(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            files.push(path);
        }
    }
    Ok(())
}
