//! Any text as a policy: an error, or rules that survive being printed and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mediafit::Policy;

fuzz_target!(|text: &str| {
    for base in [Policy::cloud(), Policy::on_premise()] {
        let Ok(policy) = base.overridden(text) else { continue };
        let printed = serde_json::to_string(&policy).expect("plain data can be printed");
        let again = base.overridden(&printed).expect("what was printed is valid");
        assert_eq!(again, policy);
    }
});
