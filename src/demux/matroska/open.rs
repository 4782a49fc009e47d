//! What stands in a segment beside its clusters (RFC 9559 §5.1).

use super::About;
use super::ebml::{Element, Found, child, children, element_at, float, text, unsigned};
use super::id;
use super::tracks::{self, Entry, scaled};
use crate::bytes::Blocks;
use crate::error::{Error, Result};
use crate::facts::Damage;
use crate::limits::MAX_METADATA;
use crate::source::Source;

/// The most tracks of a file.
const MAX_TRACKS: usize = 64;

/// The most elements before the first cluster.
const MAX_ELEMENTS: usize = 4096;

/// How much of the tags and attachments is looked at.
const MAX_TAGS: usize = 256 * 1024;

/// Nanoseconds of a tick where none are stated (§5.1.2.9).
const SCALE: u64 = 1_000_000;

/// What was read before the first cluster.
#[derive(Debug)]
pub(super) struct Opened {
    pub entries: Vec<Entry>,
    pub about: About,
    pub scale: u64,
    pub first_cluster: u64,
    /// Where the segment ends, or the file.
    pub end: u64,
    pub damage: Vec<Damage>,
}

struct Opening<'a> {
    source: &'a Source,
    blocks: Blocks<'a>,
    /// Where the segment's content starts.
    start: u64,
    duration: Option<f64>,
    /// What the seek head points at: identifier and position within the segment.
    seeks: Vec<(u32, u64)>,
    seen: Vec<u32>,
    opened: Opened,
}

/// Reads the head of the file that starts at `start`: others may stand before and behind it.
pub(super) fn open(source: &Source, start: u64) -> Result<Opened> {
    let mut damage = Vec::new();
    let mut blocks = Blocks::new(source)?;
    let segment = segment(source, start, &mut blocks, &mut damage)?;
    let mut end = segment.end().unwrap_or(source.len());
    if end < source.len() && is_header(element_at(&mut blocks, end)?) {
        end = source.len();
    }
    if end > source.len() {
        let missing = end - source.len();
        damage.push(Damage::Truncated(format!("the file ends {missing} bytes before its segment does")));
    }
    let mut opening = Opening {
        source,
        blocks,
        start: segment.body,
        duration: None,
        seeks: Vec::new(),
        seen: Vec::new(),
        opened: Opened {
            entries: Vec::new(),
            about: About::default(),
            scale: SCALE,
            first_cluster: end.min(source.len()),
            end: end.min(source.len()),
            damage,
        },
    };
    opening.head()?;
    opening.pointed_at()?;
    let mut opened = opening.opened;
    opened.about.duration_ns = opening.duration.and_then(|duration| scaled(duration, opened.scale));
    if opened.entries.is_empty() {
        opened.damage.push(Damage::Malformed("no tracks".to_owned()));
    } else if opened.first_cluster >= opened.end {
        opened.damage.push(Damage::Truncated("no cluster: the content is missing".to_owned()));
    }
    Ok(opened)
}

/// Whether another file starts with what was found.
const fn is_header(found: Found) -> bool {
    matches!(found, Found::Element(Element { id: id::EBML, .. }))
}

/// The segment behind the EBML header.
fn segment(source: &Source, start: u64, blocks: &mut Blocks<'_>, damage: &mut Vec<Damage>) -> Result<Element> {
    let mut at = match element_at(blocks, start)? {
        Found::Element(header) if header.id == id::EBML => {
            let size = usize::try_from(header.size.unwrap_or(0)).unwrap_or(usize::MAX).min(4096);
            let content = source.bytes_at(header.body, size)?;
            let kinds: Vec<u32> = children(&content).map(|(id, _)| id).collect();
            if !kinds.contains(&0x4282) {
                damage.push(Damage::Malformed("an EBML header without a document type".to_owned()));
            }
            header.end().unwrap_or(header.body)
        }
        _ => return Err(Error::malformed("no EBML header")),
    };
    for _ in 0..16 {
        match element_at(blocks, at)? {
            Found::Element(found) if found.id == id::SEGMENT => return Ok(found),
            Found::Element(found) => at = found.end().unwrap_or(u64::MAX),
            Found::End | Found::Cut => return Err(Error::malformed("the file ends before its segment")),
            Found::Junk => break,
        }
    }
    Err(Error::malformed("no segment"))
}

impl Opening<'_> {
    /// All elements before the first cluster.
    fn head(&mut self) -> Result<()> {
        let mut at = self.start;
        for _ in 0..MAX_ELEMENTS {
            if at >= self.opened.end {
                return Ok(());
            }
            let element = match element_at(&mut self.blocks, at)? {
                Found::Element(element) => element,
                Found::End => return Ok(()),
                Found::Cut | Found::Junk => {
                    // The walk looks for a cluster from here, and says what is broken.
                    self.opened.first_cluster = at;
                    return Ok(());
                }
            };
            if element.id == id::CLUSTER {
                self.opened.first_cluster = at;
                return Ok(());
            }
            self.element(element)?;
            // What has no size is stepped into: its children are read as they come.
            at = element.end().unwrap_or(element.body);
        }
        self.opened.first_cluster = at;
        Ok(())
    }

    /// What the seek head points at and did not stand before the first cluster.
    fn pointed_at(&mut self) -> Result<()> {
        for (id, position) in std::mem::take(&mut self.seeks) {
            let at = self.start.saturating_add(position);
            if self.seen.contains(&id) || at < self.opened.first_cluster || at >= self.opened.end {
                continue;
            }
            if let Found::Element(element) = element_at(&mut self.blocks, at)?
                && element.id == id
            {
                self.element(element)?;
            }
        }
        Ok(())
    }

    fn element(&mut self, element: Element) -> Result<()> {
        let size = element.size.unwrap_or(0).min(self.source.len().saturating_sub(element.body));
        self.seen.push(element.id);
        match element.id {
            id::SEEK_HEAD => {
                let content = self.content(element, 64 * 1024)?;
                self.seek_head(&content);
            }
            id::INFO => {
                let content = self.content(element, 64 * 1024)?;
                for (id, part) in children(&content) {
                    self.info(id, part);
                }
            }
            id::TRACKS if element.size.is_some() => {
                let content = self.content(element, MAX_METADATA)?;
                let room = MAX_TRACKS.saturating_sub(self.opened.entries.len());
                self.opened.entries.extend(tracks::read(&content, room));
            }
            id::TRACK_ENTRY if self.opened.entries.len() < MAX_TRACKS => {
                // Within tracks of unknown size: wrapped again, so that one reader reads both.
                let content = self.content(element, 1024 * 1024)?;
                self.opened.entries.push(tracks::entry_of(&content));
            }
            id::TIMESTAMP_SCALE | id::DURATION => {
                let content = self.content(element, 8)?;
                self.info(element.id, &content);
            }
            id::TAGS => {
                self.opened.about.metadata_bytes += size;
                let content = self.content(element, MAX_TAGS)?;
                self.tags(&content);
            }
            id::CHAPTERS => self.opened.about.metadata_bytes += size,
            id::ATTACHMENTS => {
                self.opened.about.metadata_bytes += size;
                let content = self.content(element, MAX_TAGS)?;
                self.opened.about.cover_art |= children(&content)
                    .filter(|(found, _)| *found == id::ATTACHED_FILE)
                    .filter_map(|(_, file)| child(file, id::FILE_MEDIA_TYPE))
                    .any(|kind| kind.starts_with(b"image/"));
            }
            _ => {}
        }
        Ok(())
    }

    /// The first bytes of an element's content.
    fn content(&self, element: Element, most: usize) -> Result<Vec<u8>> {
        let size = usize::try_from(element.size.unwrap_or(0)).unwrap_or(usize::MAX);
        self.source.bytes_at(element.body, size.min(most))
    }

    fn info(&mut self, id: u32, content: &[u8]) {
        match id {
            id::TIMESTAMP_SCALE => self.opened.scale = Some(unsigned(content)).filter(|&ns| ns > 0).unwrap_or(SCALE),
            id::DURATION => self.duration = Some(float(content)),
            _ => {}
        }
    }

    fn seek_head(&mut self, content: &[u8]) {
        for (_, seek) in children(content).filter(|(found, _)| *found == id::SEEK).take(64) {
            let kind = child(seek, id::SEEK_ID).map(unsigned).and_then(|id| u32::try_from(id).ok());
            if let (Some(kind), Some(position)) = (kind, child(seek, id::SEEK_POSITION).map(unsigned)) {
                self.seeks.push((kind, position));
            }
        }
    }

    /// Names by which cameras tell where and by what they were held, as they come over from QuickTime.
    fn tags(&mut self, content: &[u8]) {
        let names = children(content)
            .filter(|(found, _)| *found == id::TAG)
            .flat_map(|(_, tag)| children(tag))
            .filter(|(found, _)| *found == id::SIMPLE_TAG)
            .filter_map(|(_, tag)| child(tag, id::TAG_NAME))
            .map(|name| text(name).to_ascii_uppercase());
        for name in names {
            self.opened.about.gps |= name.contains("LOCATION") || name.contains("GPS");
            self.opened.about.device |= ["MAKE", "MODEL", "SERIAL"].iter().any(|word| name.ends_with(word));
        }
    }
}
