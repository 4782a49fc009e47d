//! Whatever comes out fit is found fit when it is checked again, and is then handed on byte for byte.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mediafit::{Ask, Ending, Fitter, Plan, Policy, Source};
use std::path::PathBuf;

fuzz_target!(|data: &[u8]| {
    let fitter = Fitter::new(Policy::cloud());
    let Ok((_, Ending::Fitted { fitted, .. })) = fitter.fit_bytes(data, None) else { return };
    let bytes = fitted.to_bytes().expect("the result is in memory");
    let name = PathBuf::from(format!("result.{}", fitted.format().extension()));
    let source = Source::from_bytes(bytes, Some(&name));
    let again = fitter.check(&source, Ask::Role(fitted.role())).expect("the result can be read");
    assert!(again.verdict.is_fit(), "{:?}", again.verdict);
    assert_eq!(again.plan, Plan::Keep, "{:?}", again.verdict);
});
