//! Any bytes as an answer of the platform, as a callback, and as caching headers: read or refused, never a panic, and
//! nothing that is told to a person holds a control character.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mediafit::error::clean;
use mediafit::fault::Fault;
use mediafit::link::caching;
use mediafit::webhook;

fuzz_target!(|data: &[u8]| {
    for status in [200, 400, 401, 429, 500] {
        let told = Fault::of_answer(status, data, None).to_string();
        assert_eq!(told, clean(&told));
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(callback) = webhook::read(text) {
        for fault in callback.statuses.iter().flat_map(|status| &status.faults) {
            let told = fault.to_string();
            assert_eq!(told, clean(&told));
        }
    }
    let found = caching(|_| Some(text.to_owned()));
    assert_eq!(found.headers, clean(&found.headers));
});
