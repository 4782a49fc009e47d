//! Any bytes: sniffed, measured, judged in every role, planned. Nothing panics, and little is read twice.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mediafit::format::ROLES;
use mediafit::inspect::inspect;
use mediafit::judge::judge;
use mediafit::plan::{Tools, plan};
use mediafit::sniff::sniff;
use mediafit::{Options, Plan, Policy, Source};

fuzz_target!(|data: &[u8]| {
    let source = Source::from_bytes(data, None);
    let sniffed = sniff(&source).expect("bytes in memory can be read");
    let facts = inspect(&source, &sniffed).expect("bytes in memory can be read");
    for policy in [Policy::cloud(), Policy::on_premise()] {
        for role in ROLES {
            let verdict = judge(&facts, role, &policy);
            let plan = plan(&facts, &verdict, &policy, &Options::default(), Tools::default());
            assert!(plan != Plan::Keep || verdict.is_fit(), "what is not fit is never kept");
        }
    }
});
