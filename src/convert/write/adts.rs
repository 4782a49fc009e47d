//! AAC access units as an ADTS stream (ISO/IEC 14496-3 §1.A.2): a header of seven bytes before each.

use crate::codec::aac::{AdtsHeader, Config};
use crate::convert::spool::Spool;
use crate::error::{Error, Result};
use crate::limits::capped_vec;

/// Bytes that are gathered before they go into the spool.
const BUFFER: usize = 64 * 1024;

/// Writes access units.
pub(crate) struct AdtsWriter<'a> {
    out: &'a mut Spool,
    config: Config,
    gathered: Vec<u8>,
    units: u64,
}

impl<'a> AdtsWriter<'a> {
    /// For units of this AudioSpecificConfig. SBR that it signals is found by players in the units themselves.
    ///
    /// # Errors
    /// `Unsupported` when ADTS has no header for it.
    pub(crate) fn new(out: &'a mut Spool, config: &[u8]) -> Result<Self> {
        let parsed = Config::parse(config).filter(|config| AdtsHeader::for_frame(config, 0).is_some());
        let config = parsed.ok_or_else(|| Error::unsupported("holds AAC of a kind that ADTS cannot carry"))?;
        Ok(Self { out, config, gathered: capped_vec(BUFFER), units: 0 })
    }

    /// Takes the next unit.
    ///
    /// # Errors
    /// `Malformed` for a unit longer than ADTS allows; `Io` and `Limit` by the spool.
    pub(crate) fn unit(&mut self, unit: &[u8]) -> Result<()> {
        let header = AdtsHeader::for_frame(&self.config, unit.len())
            .ok_or_else(|| Error::malformed(format!("holds an AAC frame of {} bytes", unit.len())))?;
        if self.gathered.len() + header.len() + unit.len() > BUFFER {
            self.out.put(&self.gathered)?;
            self.gathered.clear();
        }
        self.gathered.extend(header);
        self.gathered.extend(unit);
        self.units += 1;
        Ok(())
    }

    /// Writes the rest.
    ///
    /// # Errors
    /// `Malformed` when there was no unit; `Io` and `Limit` by the spool.
    pub(crate) fn finish(self) -> Result<()> {
        if self.units == 0 {
            return Err(Error::malformed("holds no sound"));
        }
        self.out.put(&self.gathered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::convert::spool::Body;

    #[test]
    fn units_are_headed() {
        let mut out = Spool::new(u64::MAX);
        let mut writer = AdtsWriter::new(&mut out, &[0x12, 0x10]).unwrap();
        [&[1, 2, 3][..], &[4]].iter().for_each(|unit| writer.unit(unit).unwrap());
        assert!(writer.unit(&[0; 9000]).is_err());
        writer.finish().unwrap();
        let Body::Memory(bytes) = out.into_body().unwrap() else { panic!("small") };
        let first = AdtsHeader::parse(&bytes).unwrap();
        assert_eq!((first.frame_length, first.header_length, first.asc()), (10, 7, [0x12, 0x10]));
        assert_eq!(bytes[7..10], [1, 2, 3]);
        assert_eq!(AdtsHeader::parse(&bytes[10..]).unwrap().frame_length, 8);
        assert!(AdtsWriter::new(&mut Spool::new(9), &[]).is_err());
    }
}
