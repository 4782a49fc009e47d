//! ZIP archives: Office, OpenDocument and EPUB files by what they hold (ECMA-376 part 2, ODF 1.3 part 2 §3.3, EPUB OCF §4.3).

use super::Sniffed;
use super::bytes::{Window, find, le16, le32};
use crate::error::Result;
use crate::format::Format;

/// The most of the central directory that is read.
const MAX_DIRECTORY: usize = 64 * 1024;

/// How much of it is read at once: the parts that tell the format mostly stand in front.
const STEP: usize = 4 * 1024;

/// Where the end record is looked for: first without a comment to speak of, then with the longest.
const TAILS: [usize; 2] = [1024, 22 + 65_535];

/// Local entries after which an archive without any part of an Office file is plain.
const PLAIN_AFTER: usize = 16;

/// The beginning of the `mimetype` entry's content and the format.
#[rustfmt::skip]
const MIME_TYPES: &[(&[u8], Format)] = &[
    (b"application/vnd.oasis.opendocument.text",         Format::Odt),
    (b"application/vnd.oasis.opendocument.spreadsheet",  Format::Ods),
    (b"application/vnd.oasis.opendocument.presentation", Format::Odp),
    (b"application/epub+zip",                            Format::Epub),
];

/// The folder that holds an Office file's main part.
#[rustfmt::skip]
const FOLDERS: &[(&[u8], Format)] = &[
    (b"word/", Format::Docx),
    (b"xl/",   Format::Xlsx),
    (b"ppt/",  Format::Pptx),
];

/// The type of an Office file's main part, as the list of types has it (ECMA-376 part 1 §11.3.10, §12.3.23, §13.3.6; those
/// with macros by MS-OFFMACRO2 §2): templates, shows and files with macros differ in nothing else.
#[rustfmt::skip]
const MAIN_PARTS: &[(&[u8], Format)] = &[
    (b"wordprocessingml.document.main+xml",                Format::Docx),
    (b"wordprocessingml.template.main+xml",                Format::Dotx),
    (b"ms-word.document.macroEnabled.main+xml",            Format::Docm),
    (b"ms-word.template.macroEnabledTemplate.main+xml",    Format::Dotm),
    (b"spreadsheetml.sheet.main+xml",                      Format::Xlsx),
    (b"spreadsheetml.template.main+xml",                   Format::Xltx),
    (b"ms-excel.sheet.macroEnabled.main+xml",              Format::Xlsm),
    (b"ms-excel.template.macroEnabled.main+xml",           Format::Xltm),
    (b"ms-excel.sheet.binary.macroEnabled.main",           Format::Xlsb),
    (b"ms-excel.addin.macroEnabled.main+xml",              Format::Xlam),
    (b"presentationml.presentation.main+xml",              Format::Pptx),
    (b"presentationml.slideshow.main+xml",                 Format::Ppsx),
    (b"presentationml.template.main+xml",                  Format::Potx),
    (b"ms-powerpoint.presentation.macroEnabled.main+xml",  Format::Pptm),
    (b"ms-powerpoint.slideshow.macroEnabled.main+xml",     Format::Ppsm),
    (b"ms-powerpoint.template.macroEnabled.main+xml",      Format::Potm),
    (b"ms-powerpoint.addin.macroEnabled.main+xml",         Format::Ppam),
];

/// The most of the list of types that is read, and that it inflates to: the main part stands near its start.
const MAX_PACKED_TYPES: usize = 16 * 1024;
const MAX_TYPES: usize = 256 * 1024;

/// Other parts that Office files start with.
const OFFICE_PARTS: &[&[u8]] = &[CONTENT_TYPES, b"_rels/", b"docProps/", b"customXml/", b"docMetadata/"];

const CONTENT_TYPES: &[u8] = b"[Content_Types].xml";

/// What the names so far say.
#[derive(Default)]
struct Names {
    count: usize,
    /// Where the local entry of the list of types is.
    content_types: Option<u64>,
    office_parts: bool,
    folder: Option<Format>,
}

impl Names {
    fn add(&mut self, name: &[u8], offset: u64) {
        self.count += 1;
        self.content_types = self.content_types.or((name == CONTENT_TYPES).then_some(offset));
        self.office_parts |= OFFICE_PARTS.iter().any(|part| name.starts_with(part));
        let folder = FOLDERS.iter().find(|(folder, _)| name.starts_with(folder));
        self.folder = self.folder.or(folder.map(|&(_, format)| format));
    }

    /// The format, once both the list of types and the folder were seen: a plain archive may hold a folder `word`.
    fn decided(&self) -> Option<Format> {
        self.folder.filter(|_| self.content_types.is_some())
    }

    const fn is_plain(&self) -> bool {
        self.count >= PLAIN_AFTER && !self.office_parts && self.folder.is_none()
    }
}

/// Looks at a file that starts with a local entry or, when it is empty, with the end record.
pub(super) fn examine(window: &mut Window<'_>) -> Result<Option<Sniffed>> {
    let head = window.head();
    match head.first_chunk() {
        Some(b"PK\x03\x04") => {}
        Some(b"PK\x05\x06" | b"PK\x07\x08") => return Ok(Some(Sniffed::of(Format::Zip))),
        _ => return Ok(None),
    }
    if let Some(format) = by_mime_type(head) {
        return Ok(Some(Sniffed::of(format)));
    }
    let mut names = local_names(head);
    if names.decided().is_none() && !names.is_plain() {
        read_directory(window, &mut names)?;
    }
    let Some(by_folder) = names.decided() else { return Ok(Some(Sniffed::of(Format::Zip))) };
    let by_main_part = names.content_types.map_or(Ok(None), |offset| main_part(window, offset))?;
    Ok(Some(Sniffed::of(by_main_part.unwrap_or(by_folder))))
}

/// What the list of types, whose local entry is at `offset`, says of the main part.
fn main_part(window: &mut Window<'_>, offset: u64) -> Result<Option<Format>> {
    const STORED: u16 = 0;
    const DEFLATED: u16 = 8;
    let entry = window.at(offset, MAX_PACKED_TYPES)?;
    let Some((_, content)) = local_entry(entry) else { return Ok(None) };
    let types = match le16(entry, 8) {
        Some(STORED) => content.to_vec(),
        Some(DEFLATED) => {
            miniz_oxide::inflate::decompress_to_vec_with_limit(content, MAX_TYPES).unwrap_or_else(|error| error.output)
        }
        _ => return Ok(None),
    };
    let found = MAIN_PARTS.iter().filter_map(|&(kind, format)| Some((find(&types, kind)?, format)));
    Ok(found.min_by_key(|(at, _)| *at).map(|(_, format)| format))
}

/// The format of a first entry `mimetype`, stored without compression.
fn by_mime_type(head: &[u8]) -> Option<Format> {
    let (name, content) = local_entry(head)?;
    if name != b"mimetype" || le16(head, 8)? != 0 {
        return None;
    }
    MIME_TYPES.iter().find(|(start, _)| content.starts_with(start)).map(|&(_, format)| format)
}

/// Name and following bytes of the local entry at the start of `bytes` (APPNOTE §4.3.7).
fn local_entry(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    if !bytes.starts_with(b"PK\x03\x04") {
        return None;
    }
    let name_end = 30 + usize::from(le16(bytes, 26)?);
    let content = name_end + usize::from(le16(bytes, 28)?);
    Some((bytes.get(30..name_end)?, bytes.get(content..)?))
}

/// The names in the head, as long as the entries tell their sizes.
fn local_names(head: &[u8]) -> Names {
    const SIZES_FOLLOW: u16 = 0x08;
    let mut names = Names::default();
    let mut rest = head;
    while let Some((name, content)) = local_entry(rest) {
        names.add(name, (head.len() - rest.len()) as u64);
        let (Some(flags), Some(size)) = (le16(rest, 6), le32(rest, 18)) else { break };
        if names.decided().is_some() || names.is_plain() || flags & SIZES_FOLLOW != 0 {
            break;
        }
        rest = content.get(size as usize..).unwrap_or_default();
    }
    names
}

/// Adds the names of the central directory (APPNOTE §4.3.12), until they decide.
fn read_directory(window: &mut Window<'_>, names: &mut Names) -> Result<()> {
    let Some((start, size)) = directory(window)? else { return Ok(()) };
    let end = start.saturating_add(size.min(MAX_DIRECTORY as u64));
    let mut offset = start;
    while offset < end {
        // Reading from the entry itself on keeps whole entries in one block.
        let block = window.at(offset, STEP)?;
        let mut at = 0;
        while let Some(entry) = block.get(at..).filter(|entry| entry.starts_with(b"PK\x01\x02")) {
            let [Some(name), Some(extra), Some(comment)] = [28, 30, 32].map(|field| le16(entry, field)) else { break };
            let Some(text) = entry.get(46..46 + usize::from(name)) else { break };
            names.add(text, le32(entry, 42).map_or(u64::MAX, u64::from));
            at += 46 + usize::from(name) + usize::from(extra) + usize::from(comment);
        }
        if at == 0 || names.decided().is_some() {
            break;
        }
        offset = offset.saturating_add(at as u64);
    }
    Ok(())
}

/// Where the central directory lies, by the end record (APPNOTE §4.3.16). A zip64 archive is no Office file of ours.
fn directory(window: &mut Window<'_>) -> Result<Option<(u64, u64)>> {
    for tail in TAILS {
        let start = window.len().saturating_sub(tail as u64);
        let bytes = window.at(start, tail)?;
        let found = bytes.windows(4).rposition(|window| window == b"PK\x05\x06");
        if let Some(record) = found.and_then(|at| bytes.get(at..)) {
            return Ok(le32(record, 16).zip(le32(record, 12)).map(|(offset, size)| (offset.into(), size.into())));
        }
        if start == 0 {
            break;
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;

    fn local(name: &str, flags: u8, content: &[u8]) -> Vec<u8> {
        let size = u32::try_from(content.len()).unwrap().to_le_bytes();
        let length = u8::try_from(name.len()).unwrap();
        let stated = if flags == 0 { size } else { [0; 4] };
        [&b"PK\x03\x04\x14\0"[..], &[flags, 0], &[0; 10], &stated, &size, &[length, 0, 0, 0], name.as_bytes(), content]
            .concat()
    }

    fn central(name: &str) -> Vec<u8> {
        let length = u8::try_from(name.len()).unwrap();
        [&b"PK\x01\x02"[..], &[0; 24], &[length, 0], &[0; 16], name.as_bytes()].concat()
    }

    fn archive(names: &[&str], flags: u8) -> Vec<u8> {
        let mut bytes = names.iter().flat_map(|name| local(name, flags, &[7; 50])).collect::<Vec<_>>();
        let start = u32::try_from(bytes.len()).unwrap().to_le_bytes();
        let directory = names.iter().flat_map(|name| central(name)).collect::<Vec<_>>();
        let size = u32::try_from(directory.len()).unwrap().to_le_bytes();
        bytes.extend([&directory[..], b"PK\x05\x06", &[0; 8], &size, &start, &[0; 2]].concat());
        bytes
    }

    fn format(bytes: Vec<u8>) -> Format {
        let source = Source::from_bytes(bytes, None);
        examine(&mut Window::new(&source).unwrap()).unwrap().unwrap().format
    }

    #[test]
    fn office_file_is_told_by_its_parts_in_either_directory() {
        for flags in [0, 8] {
            assert_eq!(
                format(archive(&["_rels/.rels", "xl/workbook.xml", "[Content_Types].xml"], flags)),
                Format::Xlsx
            );
            assert_eq!(format(archive(&["word/letter.txt", "photo.jpg"], flags)), Format::Zip);
        }
    }

    #[test]
    fn main_part_tells_macros_and_templates() {
        let packed = |kind: &str| {
            let types = format!("<Types><Override PartName='/x' ContentType='application/vnd.{kind}'/></Types>");
            let packed = miniz_oxide::deflate::compress_to_vec(types.as_bytes(), 6);
            let mut entry = local("[Content_Types].xml", 8, &packed);
            entry[8] = 8;
            // Sizes that follow the data are told by the directory alone.
            let (start, directory) =
                (entry.len() + 30 + 13 + 50, [central("[Content_Types].xml"), central("xl/styles.xml")]);
            let mut bytes = [entry, local("xl/styles.xml", 8, &[7; 50])].concat();
            assert_eq!(bytes.len(), start);
            let directory = directory.concat();
            let (start, size) = (start as u32, directory.len() as u32);
            bytes.extend(
                [&directory[..], b"PK\x05\x06", &[0; 8], &size.to_le_bytes(), &start.to_le_bytes(), &[0; 2]].concat(),
            );
            bytes
        };
        assert_eq!(format(packed("openxmlformats-officedocument.spreadsheetml.sheet.main+xml")), Format::Xlsx);
        assert_eq!(format(packed("openxmlformats-officedocument.spreadsheetml.template.main+xml")), Format::Xltx);
        assert_eq!(format(packed("ms-excel.sheet.macroEnabled.main+xml")), Format::Xlsm);
        assert_eq!(format(packed("ms-excel.sheet.binary.macroEnabled.main")), Format::Xlsb);
        assert_eq!(format(packed("of-another-kind")), Format::Xlsx);
    }

    #[test]
    fn stored_mime_type_tells_open_document_and_epub() {
        assert_eq!(format(local("mimetype", 0, b"application/epub+zip")), Format::Epub);
        assert_eq!(format(local("mimetype", 0, b"application/vnd.oasis.opendocument.text-template")), Format::Odt);
        assert_eq!(format(local("mimetype", 0, b"image/openraster")), Format::Zip);
    }
}
