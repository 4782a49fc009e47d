//! Any bytes through all rooms, under limits so small that the search for a size runs: an answer or an error by name.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mediafit::plan::Animated;
use mediafit::{Ending, ErrorKind, Fitter, Options, Policy};
use std::sync::LazyLock;

static FITTER: LazyLock<Fitter> = LazyLock::new(|| {
    let limits = r#"{
        "image": {"size": {"hard_bytes": 4096, "target_bytes": 4000}},
        "sticker": {"side": 64, "size": {"hard_bytes": 2048, "target_bytes": 2000}}
    }"#;
    let policy = Policy::cloud().overridden(limits).expect("the limits are valid");
    Fitter::new(policy).with_options(Options { animated: Animated::FirstFrame, salvage: true, ..Options::default() })
});

fuzz_target!(|data: &[u8]| match FITTER.fit_bytes(data, None) {
    Ok((_, Ending::Fitted { fitted, .. })) => {
        let band = FITTER.policy().size(fitted.role(), false);
        assert!(fitted.len() <= band.hard_bytes, "a result is never over its limit");
    }
    Ok((_, Ending::Refused(refusal))) => assert!(!refusal.message.is_empty(), "a refusal has a reason"),
    // A decoder's panic comes out as `Engine`, a result that fails its own check as `Verify`: both are bugs.
    Err(error) => assert!(!matches!(error.kind(), ErrorKind::Engine | ErrorKind::Verify), "{error}"),
});
