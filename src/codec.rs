//! Codec codes of the containers → the field's names, one table a container.

pub(crate) mod aac;
pub(crate) mod ac3;
pub(crate) mod amr;
pub(crate) mod au;
pub(crate) mod av1;
pub(crate) mod dts;
pub(crate) mod flac;
pub(crate) mod h264;
pub(crate) mod hevc;
pub(crate) mod mpeg_audio;
pub(crate) mod opus;
pub(crate) mod packed;
pub(crate) mod rbsp;
pub(crate) mod vorbis;
pub(crate) mod vpx_av1;

use crate::bytes::code_name;

/// A table of codes and the name they stand for.
type Names<K> = &'static [(&'static [K], &'static str)];

/// Sample entry codes of ISO base media and QuickTime files (mp4ra.org; QTFF "Media Data Atom Types"), and of CAF and AIFC,
/// which use the same register.
#[rustfmt::skip]
const SAMPLE_ENTRIES: Names<&[u8; 4]> = &[
    (&[b"avc1", b"avc2", b"avc3", b"avc4"],                               "h264"),
    (&[b"hvc1", b"hev1", b"dvh1", b"dvhe", b"hvc2", b"hev2"],             "hevc"),
    (&[b"vvc1", b"vvi1"],                                                 "vvc"),
    (&[b"av01", b"dav1"],                                                 "av1"),
    (&[b"vp08"],                                                          "vp8"),
    (&[b"vp09"],                                                          "vp9"),
    (&[b"mp4v"],                                                          "mpeg4"),
    (&[b"s263", b"h263", b"H263"],                                        "h263"),
    (&[b"jpeg", b"mjpa", b"mjpg"],                                        "mjpeg"),
    (&[b"png "],                                                          "png"),
    (&[b"apch", b"apcn", b"apcs", b"apco", b"ap4h", b"ap4x", b"aprn"],    "prores"),
    (&[b"mp4a", b"aac ", b"aach", b"aacp", b"aacl", b"aace"],             "aac"),
    (&[b".mp3", b"ms\0U"],                                                "mp3"),
    (&[b"Opus", b"opus"],                                                 "opus"),
    (&[b"alac"],                                                          "alac"),
    (&[b"ac-3"],                                                          "ac3"),
    (&[b"ec-3"],                                                          "eac3"),
    (&[b"fLaC", b"flac"],                                                 "flac"),
    (&[b"samr"],                                                          "amr"),
    (&[b"sawb"],                                                          "amr-wb"),
    (&[b"alaw", b"ALAW"],                                                 "alaw"),
    (&[b"ulaw", b"ULAW"],                                                 "mulaw"),
    (&[b"ima4", b"ms\0\x02", b"ms\0\x11"],                                "adpcm"),
    (&[b"sowt", b"twos", b"lpcm", b"ipcm", b"in24", b"in32", b"raw ", b"NONE", b"none", b"23ni"], "pcm"),
    (&[b"fpcm", b"fl32", b"FL32", b"fl64", b"FL64"],                      "pcm-float"),
    (&[b"encv", b"enca"],                                                 "encrypted"),
];

/// Matroska's codec identifiers by their beginning, longest first (matroska.org, "Codec Mappings").
#[rustfmt::skip]
const MATROSKA: Names<&str> = &[
    (&["V_MPEG4/ISO/AVC"],              "h264"),
    (&["V_MPEGH/ISO/HEVC"],             "hevc"),
    (&["V_MPEGI/ISO/VVC"],              "vvc"),
    (&["V_MPEG4/ISO"],                  "mpeg4"),
    (&["V_MPEG1"],                      "mpeg1"),
    (&["V_MPEG2"],                      "mpeg2"),
    (&["V_AV1"],                        "av1"),
    (&["V_VP8"],                        "vp8"),
    (&["V_VP9"],                        "vp9"),
    (&["V_THEORA"],                     "theora"),
    (&["V_MJPEG"],                      "mjpeg"),
    (&["V_PRORES"],                     "prores"),
    (&["A_AAC"],                        "aac"),
    (&["A_MPEG/L3"],                    "mp3"),
    (&["A_MPEG/L2", "A_MPEG/L1"],       "mp2"),
    (&["A_OPUS"],                       "opus"),
    (&["A_VORBIS"],                     "vorbis"),
    (&["A_FLAC"],                       "flac"),
    (&["A_ALAC"],                       "alac"),
    (&["A_AC3"],                        "ac3"),
    (&["A_EAC3"],                       "eac3"),
    (&["A_DTS"],                        "dts"),
    (&["A_TTA1"],                       "tta"),
    (&["A_WAVPACK4"],                   "wavpack"),
    (&["A_PCM/FLOAT"],                  "pcm-float"),
    (&["A_PCM"],                        "pcm"),
];

/// Format tags of WAVEFORMATEX (RFC 2361 and mmreg.h).
#[rustfmt::skip]
const WAVE_TAGS: Names<u16> = &[
    (&[0x0001],                                 "pcm"),
    (&[0x0003],                                 "pcm-float"),
    (&[0x0002, 0x0011],                         "adpcm"),
    (&[0x0006],                                 "alaw"),
    (&[0x0007],                                 "mulaw"),
    (&[0x0010],                                 "adpcm-oki"),
    (&[0x0014, 0x0042],                         "g723.1"),
    (&[0x0020],                                 "adpcm-yamaha"),
    (&[0x0022],                                 "truespeech"),
    (&[0x0031],                                 "gsm"),
    (&[0x0040, 0x0045, 0x0064],                 "g726"),
    (&[0x0050],                                 "mp2"),
    (&[0x0055],                                 "mp3"),
    (&[0x00ff, 0x1600, 0x1610, 0x4143, 0x706d], "aac"),
    (&[0x0069],                                 "adpcm-xbox"),
    (&[0x0083],                                 "g729"),
    (&[0x0130],                                 "acelp"),
    (&[0x0160, 0x0161, 0x0162, 0x0163],         "wma"),
    (&[0x0270],                                 "atrac3"),
    (&[0x0065, 0x028f],                         "g722"),
    (&[0x2000],                                 "ac3"),
    (&[0x2001],                                 "dts"),
    (&[0x6c61],                                 "alac"),
    (&[0x674f, 0x6750, 0x6751, 0x676f, 0x6770, 0x6771, 0x566f], "vorbis"),
    (&[0x704f],                                 "opus"),
    (&[0xf1ac],                                 "flac"),
];

/// Compression codes of BITMAPINFOHEADER in AVI and ASF, in upper case (fourcc.org).
#[rustfmt::skip]
const BITMAP_CODES: Names<&[u8; 4]> = &[
    (&[b"H264", b"X264", b"AVC1", b"DAVC", b"VSSH"],                            "h264"),
    (&[b"HEVC", b"H265", b"HVC1", b"HEV1", b"X265"],                            "hevc"),
    (&[b"XVID", b"DIVX", b"DX50", b"MP4V", b"FMP4", b"M4S2", b"MP4S", b"3IV2"], "mpeg4"),
    (&[b"MJPG", b"JPEG", b"AVRN", b"DMB1"],                                     "mjpeg"),
    (&[b"H263", b"S263", b"U263"],                                              "h263"),
    (&[b"DIV3", b"DIV4", b"MP43", b"MPG3"],                                     "msmpeg4v3"),
    (&[b"DIV2", b"MP42"],                                                       "msmpeg4v2"),
    (&[b"MPG1", b"MPEG"],                                                       "mpeg1"),
    (&[b"MPG2", b"MPG4"],                                                       "mpeg2"),
    (&[b"VP80"],                                                                "vp8"),
    (&[b"VP90"],                                                                "vp9"),
    (&[b"AV01"],                                                                "av1"),
    (&[b"WMV1"],                                                                "wmv1"),
    (&[b"WMV2"],                                                                "wmv2"),
    (&[b"WMV3", b"WMVP", b"WVP2"],                                              "wmv3"),
    (&[b"WVC1", b"WMVA"],                                                       "vc1"),
    (&[b"DIB ", b"RGB ", b"\0\0\0\0"],                                          "raw"),
];

/// Object types of an MPEG-4 decoder configuration (ISO/IEC 14496-1 table 5; mp4ra.org).
#[rustfmt::skip]
const OBJECT_TYPES: Names<u8> = &[
    (&[0x20],                               "mpeg4"),
    (&[0x21],                               "h264"),
    (&[0x23],                               "hevc"),
    (&[0x40, 0x66, 0x67, 0x68],             "aac"),
    (&[0x60, 0x61, 0x62, 0x63, 0x64, 0x65], "mpeg2"),
    (&[0x69, 0x6b],                         "mp3"),
    (&[0x6a],                               "mpeg1"),
    (&[0x6c],                               "mjpeg"),
    (&[0x6d],                               "png"),
    (&[0xa5],                               "ac3"),
    (&[0xa6],                               "eac3"),
    (&[0xa9, 0xaa, 0xab, 0xac],             "dts"),
    (&[0xad],                               "opus"),
    (&[0xdd],                               "vorbis"),
];

/// The name that stands beside the first code that `matches`.
fn lookup<K>(names: Names<K>, matches: impl Fn(&K) -> bool) -> Option<String> {
    names.iter().find(|(codes, _)| codes.iter().any(&matches)).map(|(_, name)| (*name).to_owned())
}

/// The codec of a sample entry.
pub(crate) fn of_sample_entry(code: [u8; 4]) -> String {
    lookup(SAMPLE_ENTRIES, |known| **known == code).unwrap_or_else(|| code_name(&code))
}

/// The codec of a Matroska codec identifier.
pub(crate) fn of_matroska(id: &[u8]) -> String {
    lookup(MATROSKA, |known| id.starts_with(known.as_bytes())).unwrap_or_else(|| code_name(id))
}

/// The codec of a WAVE format tag.
pub(crate) fn of_wave_tag(tag: u16) -> String {
    lookup(WAVE_TAGS, |known| *known == tag).unwrap_or_else(|| format!("wave-{tag:04x}"))
}

/// The codec of a compression code in a bitmap header.
pub(crate) fn of_bitmap(code: [u8; 4]) -> String {
    lookup(BITMAP_CODES, |known| **known == code.to_ascii_uppercase().as_slice()).unwrap_or_else(|| code_name(&code))
}

/// The codec of an MPEG-4 object type.
pub(crate) fn of_object_type(object_type: u8) -> String {
    lookup(OBJECT_TYPES, |known| *known == object_type).unwrap_or_else(|| format!("mp4a.{object_type:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_the_names_of_the_field() {
        assert_eq!(of_sample_entry(*b"avc3"), "h264");
        assert_eq!(of_sample_entry(*b"mhm1"), "mhm1");
        assert_eq!(of_matroska(b"V_MPEG4/ISO/AVC"), "h264");
        assert_eq!(of_matroska(b"V_MPEG4/ISO/ASP"), "mpeg4");
        assert_eq!(of_matroska(b"A_AAC/MPEG2/LC"), "aac");
        assert_eq!(of_bitmap(*b"xvid"), "mpeg4");
        assert_eq!(of_wave_tag(0x1234), "wave-1234");
        assert_eq!(of_wave_tag(0x028f), "g722");
    }
}
