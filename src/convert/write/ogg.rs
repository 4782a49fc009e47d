//! Opus in Ogg as RFC 7845 wants it: the header alone on the first page, the comments from the second on, sound from a page
//! of its own, positions at 48 kHz that count the pre-skip, and the end trimmed by the last page's position.

use crate::codec::opus::OpusHead;
use crate::convert::spool::{Spool, failed};
use crate::error::{Error, Result};
use crate::limits::capped_vec;
use ogg::writing::{PacketWriteEndInfo, PacketWriter};
use sha2::{Digest, Sha256};
use std::io::{BufWriter, Write};

/// A page ends once it holds this much sound, in samples at 48 kHz: a second, as RFC 7845 §6 advises.
const PAGE_SAMPLES: u32 = 48_000;

/// A page ends once it holds so many bytes: a page cannot have more than 65,025.
const PAGE_BYTES: usize = 60_000;

/// Bytes of a page before its lacing values (RFC 3533 §6).
const PAGE_HEADER: u64 = 27;

/// No packet is longer: 255 streams of 120 ms at 510 kbit/s would be, which nobody has.
const MAX_PACKET: usize = 1024 * 1024;

/// Who wrote it (RFC 7845 §5.2 wants a name).
const VENDOR: &[u8] = b"mediafit";

/// Bytes that are gathered before they go into the spool.
const BUFFER: usize = 64 * 1024;

/// Writes one stream of Opus packets.
pub(crate) struct OggOpusWriter<'a> {
    out: PacketWriter<'static, BufWriter<&'a mut Spool>>,
    serial: u32,
    pre_skip: u64,
    /// Samples in the pages that are written.
    written: u64,
    /// Packets of the page that is being filled, with their samples: the last page's are known only at the end.
    page: Vec<(Vec<u8>, u32)>,
    page_samples: u32,
    page_bytes: usize,
    /// Bytes of the pages so far, the one that is being filled included.
    bytes: u64,
}

/// A stream's serial number, made of what is in it so that equal input gives equal bytes.
pub(crate) fn serial_of(head: &OpusHead, first_packet: &[u8]) -> u32 {
    let digest = Sha256::new().chain_update(head.to_bytes()).chain_update(first_packet).finalize();
    digest.first_chunk().copied().map_or(1, u32::from_le_bytes)
}

/// Bytes of a packet with its lacing values.
const fn laced(packet: usize) -> u64 {
    (packet + packet / 255 + 1) as u64
}

impl<'a> OggOpusWriter<'a> {
    /// Writes the two header pages.
    ///
    /// # Errors
    /// `Io` and `Limit` by the spool.
    pub(crate) fn new(out: &'a mut Spool, head: &OpusHead, serial: u32) -> Result<Self> {
        let mut tags = b"OpusTags".to_vec();
        // The length of the vendor's name, the name, and the number of comments.
        tags.extend(u32::try_from(VENDOR.len()).unwrap_or(0).to_le_bytes());
        tags.extend(VENDOR);
        tags.extend(0_u32.to_le_bytes());
        let mut out = PacketWriter::new(BufWriter::with_capacity(BUFFER, out));
        let mut bytes = 0;
        for header in [head.to_bytes(), tags] {
            bytes += PAGE_HEADER + laced(header.len());
            out.write_packet(header, serial, PacketWriteEndInfo::EndPage, 0).map_err(failed)?;
        }
        let pre_skip = u64::from(head.pre_skip);
        Ok(Self { out, serial, pre_skip, written: 0, page: capped_vec(64), page_samples: 0, page_bytes: 0, bytes })
    }

    /// Takes the next packet, which decodes to `samples` at 48 kHz.
    ///
    /// # Errors
    /// `Malformed` for what cannot be a packet; `Io` and `Limit` by the spool.
    pub(crate) fn packet(&mut self, packet: &[u8], samples: u32) -> Result<()> {
        if packet.is_empty() || packet.len() > MAX_PACKET {
            return Err(Error::malformed(format!("holds an Opus packet of {} bytes", packet.len())));
        }
        if self.page_samples >= PAGE_SAMPLES || self.page_bytes >= PAGE_BYTES {
            let end = self.written + u64::from(self.page_samples);
            self.end_page(PacketWriteEndInfo::EndPage, end)?;
        }
        self.page.push((packet.to_vec(), samples));
        self.page_samples += samples;
        self.page_bytes += packet.len();
        self.bytes += laced(packet.len());
        Ok(())
    }

    /// Bytes of the file so far.
    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Samples that the packets so far decode to, pre-skip included.
    pub(crate) fn samples(&self) -> u64 {
        self.written + u64::from(self.page_samples)
    }

    /// Writes the last page, whose position cuts the end off: `total` samples are played, or all there are.
    ///
    /// # Errors
    /// `Malformed` when there was no packet; `Io` and `Limit` by the spool.
    pub(crate) fn finish(mut self, total: Option<u64>) -> Result<()> {
        let all = self.samples();
        let end = total.map_or(all, |total| self.pre_skip.saturating_add(total).min(all));
        // Packets of which nothing is played: only the last page may be cut (RFC 7845 §4.4).
        while self.page.len() > 1
            && let Some((_, samples)) = self.page.last()
            && self.samples() - u64::from(*samples) >= end
        {
            self.page_samples -= samples;
            self.page.pop();
        }
        if self.page.is_empty() {
            return Err(Error::malformed("holds no sound"));
        }
        let end = end.max(self.written).min(self.samples());
        self.end_page(PacketWriteEndInfo::EndStream, end)?;
        self.out.inner_mut().flush().map_err(failed)
    }

    /// Writes the packets of a page; the last of them has the position `end`.
    fn end_page(&mut self, how: PacketWriteEndInfo, end: u64) -> Result<()> {
        let last = self.page.len().saturating_sub(1);
        let mut position = self.written;
        for (index, (packet, samples)) in self.page.drain(..).enumerate() {
            position += u64::from(samples);
            let (info, position) =
                if index == last { (how, end) } else { (PacketWriteEndInfo::NormalPacket, position.min(end)) };
            self.out.write_packet(packet, self.serial, info, position).map_err(failed)?;
        }
        self.written = position;
        self.bytes += PAGE_HEADER;
        (self.page_samples, self.page_bytes) = (0, 0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::{le32, le64};
    use crate::convert::spool::Body;

    /// Flags, position, sequence number and lacing values of each page.
    fn pages(bytes: &[u8]) -> Vec<(u8, u64, u32, Vec<u8>)> {
        let mut at = 0;
        let mut pages = Vec::new();
        while at < bytes.len() {
            assert_eq!(&bytes[at..at + 4], b"OggS");
            let count = usize::from(bytes[at + 26]);
            let lacing = bytes[at + 27..at + 27 + count].to_vec();
            let body: usize = lacing.iter().map(|&size| usize::from(size)).sum();
            pages.push((bytes[at + 5], le64(bytes, at + 6).unwrap(), le32(bytes, at + 18).unwrap(), lacing));
            at += 27 + count + body;
        }
        pages
    }

    fn written(packets: &[(Vec<u8>, u32)], total: Option<u64>) -> Vec<u8> {
        let mut spool = Spool::new(u64::MAX);
        let mut writer = OggOpusWriter::new(&mut spool, &OpusHead::plain(1, 312, 48_000), 7).unwrap();
        packets.iter().for_each(|(packet, samples)| writer.packet(packet, *samples).unwrap());
        writer.finish(total).unwrap();
        let Body::Memory(bytes) = spool.into_body().unwrap() else { panic!("small") };
        bytes
    }

    #[test]
    fn pages_of_a_second_and_a_trimmed_end() {
        let packets = vec![(vec![0x18; 100], 2880); 20];
        let pages = pages(&written(&packets, Some(20 * 2880 - 312 - 1000)));
        let heads: Vec<_> = pages.iter().map(|(flags, position, number, _)| (*flags, *position, *number)).collect();
        assert_eq!(heads, [(2, 0, 0), (0, 0, 1), (0, 17 * 2880, 2), (4, 20 * 2880 - 1000, 3)]);
        assert_eq!((pages[2].3.len(), pages[3].3.len()), (17, 3));
    }

    #[test]
    fn packets_that_are_not_played_are_left_out() {
        let packets = vec![(vec![0x18; 100], 2880); 5];
        let pages = pages(&written(&packets, Some(2 * 2880 - 312)));
        assert_eq!(pages[2], (4, 2 * 2880, 2, vec![100, 100]));
        assert_eq!(self::pages(&written(&packets, Some(0)))[2].1, 312);
        assert_eq!(self::pages(&written(&packets, Some(u64::MAX)))[2].1, 5 * 2880);
    }

    #[test]
    fn long_packets_go_on_on_the_next_page() {
        let packets = vec![(vec![0x18; 70_000], 5760), (vec![0x18; 10], 5760)];
        let pages = pages(&written(&packets, None));
        assert_eq!((pages[2].0, pages[2].1, pages[2].3.len()), (0, u64::MAX, 255));
        assert_eq!((pages[3].0, pages[3].1), (1, 5760));
        assert_eq!((pages[4].0, pages[4].1), (4, 11_520));
    }

    #[test]
    fn an_empty_stream_is_malformed() {
        let mut spool = Spool::new(u64::MAX);
        let writer = OggOpusWriter::new(&mut spool, &OpusHead::plain(1, 312, 48_000), 7).unwrap();
        assert_eq!(writer.finish(None).unwrap_err().kind(), crate::error::ErrorKind::Malformed);
    }
}
