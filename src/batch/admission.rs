//! Memory, admitted before work starts: the feeding thread waits here, never a worker.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// Taken when the system does not say how much is free.
const DEFAULT_BYTES: u64 = 2 * 1024 * 1024 * 1024;

/// How much memory, and how many items, are in work.
#[derive(Clone)]
pub(super) struct Admission(Arc<Gate>);

struct Gate {
    in_work: Mutex<InWork>,
    freed: Condvar,
    bytes: u64,
    items: usize,
}

#[derive(Default)]
struct InWork {
    bytes: u64,
    items: usize,
}

/// The right to use memory, given back when it is dropped.
pub(super) struct Permit {
    gate: Arc<Gate>,
    bytes: u64,
}

impl Admission {
    /// Admits up to `bytes` (0: half of what is free) to `threads` workers.
    pub(super) fn new(bytes: u64, threads: usize) -> Self {
        let bytes = if bytes == 0 { free_bytes().map_or(DEFAULT_BYTES, |free| free / 2) } else { bytes };
        // A few more items than workers, so that none waits for the feeder; not all of them, so that a cancelled
        // run has little left to drop.
        let gate = Gate { in_work: Mutex::default(), freed: Condvar::new(), bytes, items: threads * 4 };
        Self(Arc::new(gate))
    }

    /// Waits until `bytes` are free. An item that needs more than there is at all is admitted alone.
    pub(super) fn admit(&self, bytes: u64) -> Permit {
        let gate = &self.0;
        let bytes = bytes.min(gate.bytes);
        let mut in_work = gate.in_work.lock().unwrap_or_else(PoisonError::into_inner);
        while in_work.bytes + bytes > gate.bytes || in_work.items >= gate.items {
            in_work = gate.freed.wait(in_work).unwrap_or_else(PoisonError::into_inner);
        }
        in_work.bytes += bytes;
        in_work.items += 1;
        Permit { gate: Arc::clone(gate), bytes }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut in_work = self.gate.in_work.lock().unwrap_or_else(PoisonError::into_inner);
        in_work.bytes -= self.bytes;
        in_work.items -= 1;
        drop(in_work);
        self.gate.freed.notify_all();
    }
}

/// What Linux says is available; nothing elsewhere.
fn free_bytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}
