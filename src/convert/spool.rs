//! Placeholder until the writer's room is merged.
/// Bytes of a result.
#[derive(Debug)]
pub(crate) enum Body {
    Memory(Vec<u8>),
    File(std::fs::File, u64),
}
