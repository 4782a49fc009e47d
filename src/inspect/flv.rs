//! Flash video, by a walk through its tags.

use super::sbr;
use super::stream::Streamed;
use super::tracks::{count, facts};
use crate::demux::Demuxer;
use crate::demux::flv::Flv;
use crate::error::{ErrorKind, Result};
use crate::facts::Damage;
use crate::source::Source;

/// The most that is walked; beyond it lengths are those of the header.
const WALKED: u64 = 32 * 1024 * 1024;

/// What a Flash video holds.
pub(super) fn inspect(source: &Source) -> Result<Streamed> {
    let mut file = match Flv::open(source) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::Io => return Err(error),
        Err(error) => return Ok(Streamed { damage: vec![Damage::Malformed(error.what())], ..Streamed::default() }),
    };
    let counted = count(&mut file, |file| file.position() < WALKED)?;
    let mut damage = file.damage().to_vec();
    if file.tracks().is_empty() && damage.is_empty() {
        damage.push(Damage::Malformed("no streams".to_owned()));
    }
    let mut streams = facts(file.tracks(), &counted);
    sbr::reveal_again(file.tracks(), &mut streams, || Flv::open(source));
    Ok(Streamed { streams, damage })
}
