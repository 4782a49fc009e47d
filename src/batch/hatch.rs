//! The way from conversion to upload: bounded by count and by memory, in waiting and in flight together. Conversion waits
//! when uploads are slower; uploads run on threads of their own, so that nothing in the pool waits for the pool.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, PoisonError};

/// A queue with bounds. What is put in weighs until the taker has dropped its [`Load`].
pub(super) struct Hatch<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
    max_count: usize,
    max_bytes: u64,
}

struct State<T> {
    waiting: VecDeque<(T, u64)>,
    count: usize,
    bytes: u64,
    closed: bool,
}

/// Something that was taken out, with its weight.
pub(super) struct Load<'a, T> {
    pub(super) item: T,
    hatch: &'a Hatch<T>,
    bytes: u64,
}

impl<T> Hatch<T> {
    /// A hatch for at most `max_count` items with at most `max_bytes` of memory, in waiting and in flight together.
    pub(super) fn new(max_count: usize, max_bytes: u64) -> Self {
        let state = State { waiting: VecDeque::new(), count: 0, bytes: 0, closed: false };
        Self { state: Mutex::new(state), changed: Condvar::new(), max_count: max_count.max(1), max_bytes }
    }

    /// Waits for room, and puts `item` in. One that weighs more than there is room for at all goes alone.
    pub(super) fn put(&self, item: T, bytes: u64) {
        let bytes = bytes.min(self.max_bytes);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while state.count >= self.max_count || state.bytes + bytes > self.max_bytes {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.count += 1;
        state.bytes += bytes;
        state.waiting.push_back((item, bytes));
        drop(state);
        self.changed.notify_all();
    }

    /// Waits for an item; `None` once the hatch is closed and empty.
    pub(super) fn take(&self) -> Option<Load<'_, T>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some((item, bytes)) = state.waiting.pop_front() {
                return Some(Load { item, hatch: self, bytes });
            }
            if state.closed {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Nothing more will be put in.
    pub(super) fn close(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        self.changed.notify_all();
    }
}

impl<T> Drop for Load<'_, T> {
    fn drop(&mut self) {
        let mut state = self.hatch.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.count -= 1;
        state.bytes -= self.bytes;
        drop(state);
        self.hatch.changed.notify_all();
    }
}
