//! Says loudly when the assembler is missing: without it JPEG and H.264 run at half the speed, and AVIF does not build.

use std::process::{Command, Stdio};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=PATH");
    let on_x86 = std::env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|arch| arch == "x86_64" || arch == "x86");
    let found = Command::new("nasm")
        .arg("-v")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    let nasm = match (on_x86, found) {
        (false, _) => "not needed",
        (true, true) => "found",
        (true, false) => {
            println!(
                "cargo::warning=nasm was not found: JPEG and H.264 are coded without SIMD, several times slower. Install nasm and build again."
            );
            "missing"
        }
    };
    println!("cargo::rustc-env=MEDIAFIT_NASM={nasm}");
}
