//! What a file can be, and what it is meant to serve as: [`Format`], [`Family`], [`Role`], and one table.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What a file is sent as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// A picture message.
    Image,
    /// A sticker: WebP, 512×512.
    Sticker,
    /// An audio file.
    Audio,
    /// A voice note: Ogg/Opus, mono.
    Voice,
    /// A video message.
    Video,
    /// A document: handed on as it is.
    Document,
}

/// Every role, in the order of the reference.
pub const ROLES: [Role; 6] = [Role::Image, Role::Sticker, Role::Audio, Role::Voice, Role::Video, Role::Document];

impl Role {
    /// The role's name on the command line and in the JSON Lines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Sticker => "sticker",
            Self::Audio => "audio",
            Self::Voice => "voice",
            Self::Video => "video",
            Self::Document => "document",
        }
    }

    /// The role that a folder of this name asks for (`photos` → image), case-insensitive.
    #[must_use]
    pub fn of_folder(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "image" | "images" | "photo" | "photos" => Some(Self::Image),
            "sticker" | "stickers" => Some(Self::Sticker),
            "audio" => Some(Self::Audio),
            "voice" | "voices" => Some(Self::Voice),
            "video" | "videos" => Some(Self::Video),
            "document" | "documents" | "docs" => Some(Self::Document),
            _ => None,
        }
    }

    /// Whether content of `family` can serve this role, after repair if need be.
    #[must_use]
    pub const fn can_serve(self, family: Family) -> bool {
        match self {
            Self::Image | Self::Sticker => matches!(family, Family::Image),
            // The sound of a video is not taken unasked: a video in `audio/` stays a video.
            Self::Audio | Self::Voice => matches!(family, Family::Audio),
            // An animated picture can, a still one cannot: that is not a matter of the family.
            Self::Video => matches!(family, Family::Video),
            Self::Document => true,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        ROLES.into_iter().find(|role| role.name() == text).ok_or_else(|| {
            format!("unknown role {text:?}; found {text:?}, allowed image sticker audio voice video document")
        })
    }
}

/// The broad kind of a format's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// Still or animated pictures.
    Image,
    /// Sound without pictures.
    Audio,
    /// Moving pictures.
    Video,
    /// Everything that people call a file.
    Document,
}

macro_rules! formats {
    ($($variant:ident $name:literal $family:ident $mime:literal [$($extension:literal)*] $label:literal)*) => {
        /// A format by its content, never by its file name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Format {
            $(#[doc = $label] #[serde(rename = $name)] $variant,)*
        }

        /// Every format, a row each.
        pub const FORMATS: &[Row] = &[
            $(Row { format: Format::$variant, name: $name, family: Family::$family, mime: $mime,
                    extensions: &[$($extension),*], label: $label },)*
        ];
    };
}

/// A row of the format table.
#[derive(Debug)]
pub struct Row {
    /// The format.
    pub format: Format,
    /// Its name in the JSON Lines.
    pub name: &'static str,
    /// What kind of content it holds.
    pub family: Family,
    /// Its MIME type as it goes over the wire (whatsapp-media §1.2: never `audio/opus`, `image/jpg`, `video/3gp`).
    pub mime: &'static str,
    /// File name extensions; the first is the one that outputs get, the others are right too.
    pub extensions: &'static [&'static str],
    /// What a person calls it.
    pub label: &'static str,
}

#[rustfmt::skip]
formats! {
    // variant   name          family   wire MIME                        extensions                 label
    Jpeg        "jpeg"        Image    "image/jpeg"                     ["jpg" "jpeg" "jpe" "jfif" "mpo"] "JPEG"
    Png         "png"         Image    "image/png"                      ["png"]                    "PNG"
    Apng        "apng"        Image    "image/apng"                     ["png" "apng"]             "animated PNG"
    Webp        "webp"        Image    "image/webp"                     ["webp"]                   "WebP"
    Gif         "gif"         Image    "image/gif"                      ["gif"]                    "GIF"
    Bmp         "bmp"         Image    "image/bmp"                      ["bmp" "dib"]              "BMP"
    Tiff        "tiff"        Image    "image/tiff"                     ["tiff" "tif"]             "TIFF"
    Ico         "ico"         Image    "image/x-icon"                   ["ico" "cur"]              "icon"
    Heic        "heic"        Image    "image/heic"                     ["heic" "heif" "hif"]      "HEIC"
    Avif        "avif"        Image    "image/avif"                     ["avif" "avifs"]           "AVIF"
    Jxl         "jxl"         Image    "image/jxl"                      ["jxl"]                    "JPEG XL"
    Jp2         "jp2"         Image    "image/jp2"                      ["jp2" "j2k" "jpf" "jpx"]  "JPEG 2000"
    Psd         "psd"         Image    "image/vnd.adobe.photoshop"      ["psd"]                    "Photoshop document"
    RawPhoto    "raw-photo"   Image    "image/x-raw"                    ["cr2" "cr3" "nef" "dng" "orf" "rw2" "arw" "raf"] "camera raw file"
    Svg         "svg"         Image    "image/svg+xml"                  ["svg" "svgz"]             "SVG drawing"

    Mp4         "mp4"         Video    "video/mp4"                      ["mp4" "m4v"]              "MP4"
    M4v         "m4v"         Video    "video/x-m4v"                    ["m4v" "mp4"]              "M4V"
    Mov         "mov"         Video    "video/quicktime"                ["mov" "qt"]               "QuickTime movie"
    ThreeGp     "3gp"         Video    "video/3gpp"                     ["3gp" "3gpp" "3g2"]       "3GP"
    Webm        "webm"        Video    "video/webm"                     ["webm"]                   "WebM"
    Mkv         "mkv"         Video    "video/x-matroska"               ["mkv"]                    "Matroska"
    Avi         "avi"         Video    "video/x-msvideo"                ["avi"]                    "AVI"
    MpegTs      "mpegts"      Video    "video/mp2t"                     ["ts" "mts" "m2ts"]        "MPEG transport stream"
    MpegPs      "mpegps"      Video    "video/mpeg"                     ["mpg" "mpeg" "vob"]       "MPEG program stream"
    MpegVideo   "mpegvideo"   Video    "video/mpeg"                     ["mpg" "mpeg" "m1v" "m2v"] "MPEG video stream"
    Flv         "flv"         Video    "video/x-flv"                    ["flv" "f4v"]              "Flash video"
    Wmv         "asf"         Video    "video/x-ms-asf"                 ["wmv" "asf"]              "Windows Media video"
    OggTheora   "ogg-theora"  Video    "video/ogg"                      ["ogv" "ogg"]              "Ogg Theora"

    Adts        "adts"        Audio    "audio/aac"                      ["aac" "adts"]             "AAC (ADTS)"
    M4a         "m4a"         Audio    "audio/mp4"                      ["m4a" "mp4" "m4b" "m4r"]  "MP4 audio"
    Amr         "amr"         Audio    "audio/amr"                      ["amr"]                    "AMR-NB"
    Mp3         "mp3"         Audio    "audio/mpeg"                     ["mp3" "mpga"]             "MP3"
    OggOpus     "ogg-opus"    Audio    "audio/ogg; codecs=opus"         ["ogg"]                    "Ogg Opus"
    AmrWb       "amr-wb"      Audio    "audio/amr-wb"                   ["awb" "amr"]              "AMR-WB"
    ThreeGpAudio "3gp-audio"  Audio    "audio/3gpp"                     ["3gp" "3gpp" "3ga"]       "3GP audio"
    MovAudio    "mov-audio"   Audio    "audio/quicktime"                ["mov" "qt" "qta"]         "QuickTime audio"
    OggVorbis   "ogg-vorbis"  Audio    "audio/ogg; codecs=vorbis"       ["ogg" "oga"]              "Ogg Vorbis"
    OggFlac     "ogg-flac"    Audio    "audio/ogg; codecs=flac"         ["ogg" "oga"]              "Ogg FLAC"
    OggSpeex    "ogg-speex"   Audio    "audio/ogg; codecs=speex"        ["spx" "ogg" "oga"]        "Ogg Speex"
    OggOther    "ogg"         Audio    "application/ogg"                ["ogx" "ogg"]              "Ogg with an unknown codec"
    WebmAudio   "webm-audio"  Audio    "audio/webm"                     ["weba" "webm"]            "WebM audio"
    Mka         "mka"         Audio    "audio/x-matroska"               ["mka" "mkv"]              "Matroska audio"
    AviAudio    "avi-audio"   Audio    "video/x-msvideo"                ["avi"]                    "AVI without pictures"
    MpegTsAudio "mpegts-audio" Audio   "video/mp2t"                     ["ts" "mts" "m2ts"]        "MPEG transport stream without pictures"
    FlvAudio    "flv-audio"   Audio    "video/x-flv"                    ["flv" "f4a"]              "Flash video without pictures"
    Wav         "wav"         Audio    "audio/wav"                      ["wav" "wave"]             "WAV"
    Rf64        "rf64"        Audio    "audio/wav"                      ["wav" "rf64" "bwf"]       "RF64 WAV"
    W64         "w64"         Audio    "audio/x-w64"                    ["w64"]                    "Wave64"
    Au          "au"          Audio    "audio/basic"                    ["au" "snd"]               "AU"
    Aiff        "aiff"        Audio    "audio/aiff"                     ["aiff" "aif" "aifc"]      "AIFF"
    Caf         "caf"         Audio    "audio/x-caf"                    ["caf"]                    "Core Audio file"
    Flac        "flac"        Audio    "audio/flac"                     ["flac"]                   "FLAC"
    Wma         "wma"         Audio    "audio/x-ms-wma"                 ["wma" "asf"]              "Windows Media audio"
    Mp2         "mp2"         Audio    "audio/mpeg"                     ["mp2"]                    "MPEG layer I or II"
    Ac3         "ac3"         Audio    "audio/ac3"                      ["ac3" "eac3"]             "AC-3"
    Dts         "dts"         Audio    "audio/vnd.dts"                  ["dts"]                    "DTS"
    Loas        "loas"        Audio    "audio/mp4a-latm"                ["latm" "loas"]            "AAC (LOAS)"
    Ape         "ape"         Audio    "audio/x-ape"                    ["ape"]                    "Monkey's Audio"
    Tta         "tta"         Audio    "audio/x-tta"                    ["tta"]                    "True Audio"
    WavPack     "wavpack"     Audio    "audio/x-wavpack"                ["wv"]                     "WavPack"
    Musepack    "musepack"    Audio    "audio/x-musepack"               ["mpc"]                    "Musepack"
    MusepackSv7 "musepack-sv7" Audio   "audio/x-musepack"               ["mpc" "mp+"]              "Musepack of stream version 7"
    Midi        "midi"        Audio    "audio/midi"                     ["mid" "midi"]             "MIDI"

    Text        "text"        Document "text/plain"                     ["txt"]                    "plain text"
    Utf16       "utf-16"      Document "text/plain; charset=utf-16"     ["txt" "text" "log"]       "UTF-16 text"
    Pdf         "pdf"         Document "application/pdf"                ["pdf"]                    "PDF"
    Doc         "doc"         Document "application/msword"             ["doc" "dot"]              "Word 97 document"
    Xls         "xls"         Document "application/vnd.ms-excel"       ["xls" "xlt"]              "Excel 97 workbook"
    Ppt         "ppt"         Document "application/vnd.ms-powerpoint"  ["ppt" "pps" "pot"]        "PowerPoint 97 presentation"
    Docx        "docx"        Document "application/vnd.openxmlformats-officedocument.wordprocessingml.document" ["docx"] "Word document"
    Xlsx        "xlsx"        Document "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" ["xlsx"] "Excel workbook"
    Pptx        "pptx"        Document "application/vnd.openxmlformats-officedocument.presentationml.presentation" ["pptx"] "PowerPoint presentation"
    Docm        "docm"        Document "application/vnd.ms-word.document.macroEnabled.12" ["docm"] "Word document with macros"
    Dotx        "dotx"        Document "application/vnd.openxmlformats-officedocument.wordprocessingml.template" ["dotx"] "Word template"
    Dotm        "dotm"        Document "application/vnd.ms-word.template.macroEnabled.12" ["dotm"] "Word template with macros"
    Xlsm        "xlsm"        Document "application/vnd.ms-excel.sheet.macroEnabled.12" ["xlsm"] "Excel workbook with macros"
    Xlsb        "xlsb"        Document "application/vnd.ms-excel.sheet.binary.macroEnabled.12" ["xlsb"] "binary Excel workbook"
    Xltx        "xltx"        Document "application/vnd.openxmlformats-officedocument.spreadsheetml.template" ["xltx"] "Excel template"
    Xltm        "xltm"        Document "application/vnd.ms-excel.template.macroEnabled.12" ["xltm"] "Excel template with macros"
    Xlam        "xlam"        Document "application/vnd.ms-excel.addin.macroEnabled.12" ["xlam"] "Excel add-in"
    Pptm        "pptm"        Document "application/vnd.ms-powerpoint.presentation.macroEnabled.12" ["pptm"] "PowerPoint presentation with macros"
    Ppsx        "ppsx"        Document "application/vnd.openxmlformats-officedocument.presentationml.slideshow" ["ppsx"] "PowerPoint show"
    Ppsm        "ppsm"        Document "application/vnd.ms-powerpoint.slideshow.macroEnabled.12" ["ppsm"] "PowerPoint show with macros"
    Potx        "potx"        Document "application/vnd.openxmlformats-officedocument.presentationml.template" ["potx"] "PowerPoint template"
    Potm        "potm"        Document "application/vnd.ms-powerpoint.template.macroEnabled.12" ["potm"] "PowerPoint template with macros"
    Ppam        "ppam"        Document "application/vnd.ms-powerpoint.addin.macroEnabled.12" ["ppam"] "PowerPoint add-in"
    Odt         "odt"         Document "application/vnd.oasis.opendocument.text" ["odt" "ott"]     "OpenDocument text"
    Ods         "ods"         Document "application/vnd.oasis.opendocument.spreadsheet" ["ods"]    "OpenDocument spreadsheet"
    Odp         "odp"         Document "application/vnd.oasis.opendocument.presentation" ["odp"]   "OpenDocument presentation"
    Epub        "epub"        Document "application/epub+zip"           ["epub"]                   "EPUB"
    Rtf         "rtf"         Document "application/rtf"                ["rtf"]                    "RTF"
    Html        "html"        Document "text/html"                      ["html" "htm" "xhtml"]     "HTML page"
    Xml         "xml"         Document "application/xml"                ["xml"]                    "XML"
    Zip         "zip"         Document "application/zip"                ["zip" "jar" "apk"]        "ZIP archive"
    Gzip        "gzip"        Document "application/gzip"               ["gz" "tgz"]               "gzip archive"
    Cfb         "cfb"         Document "application/x-ole-storage"      ["ole" "msg" "msi"]        "OLE compound file"
    Executable  "executable"  Document "application/octet-stream"       ["exe" "dll" "so"]         "executable"
    Other       "other"       Document "application/octet-stream"       ["bin"]                    "file of another known type"
    Binary      "binary"      Document "application/octet-stream"       ["bin" "dat"]              "unrecognised bytes"
    Empty       "empty"       Document "application/octet-stream"       []                         "empty file"
}

impl Format {
    /// The format's row in [`FORMATS`].
    #[must_use]
    pub fn row(self) -> &'static Row {
        // The macro writes rows and variants in one order, which a test holds.
        &FORMATS[self as usize]
    }

    /// The name in the JSON Lines: `ogg-opus`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The kind of content.
    #[must_use]
    pub fn family(self) -> Family {
        self.row().family
    }

    /// The MIME type as it goes over the wire.
    #[must_use]
    pub fn mime(self) -> &'static str {
        self.row().mime
    }

    /// The extension that a file of this format gets, without the dot; empty where there is none.
    #[must_use]
    pub fn extension(self) -> &'static str {
        self.row().extensions.first().copied().unwrap_or("")
    }

    /// Whether `extension` (no dot, any case) is a right one for this format.
    #[must_use]
    pub fn has_extension(self, extension: &str) -> bool {
        self.row().extensions.iter().any(|right| right.eq_ignore_ascii_case(extension))
    }

    /// What a person calls it: `QuickTime movie`.
    #[must_use]
    pub fn label(self) -> &'static str {
        self.row().label
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_in_the_order_of_the_variants_and_names_are_unique() {
        for (index, row) in FORMATS.iter().enumerate() {
            assert_eq!(row.format as usize, index, "{}", row.name);
            assert_eq!(FORMATS.iter().filter(|other| other.name == row.name).count(), 1, "{}", row.name);
        }
        assert!(FORMATS.len() > 60);
    }

    #[test]
    fn wire_types_never_carry_a_name_the_platform_refuses() {
        let refused = ["audio/opus", "image/jpg", "video/3gp", "audio/mp3", "audio/x-m4a", "audio/m4a", "audio/ogg"];
        assert!(FORMATS.iter().all(|row| !refused.contains(&row.mime)));
    }
}
