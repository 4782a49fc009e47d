//! Names of languages: those of two letters and BCP 47 tags → three letters, which MP4 can carry.

/// ISO 639-1 and ISO 639-2/T, the languages most often met.
#[rustfmt::skip]
const TWO_LETTERS: &[(&str, &str)] = &[
    ("af", "afr"), ("am", "amh"), ("ar", "ara"), ("az", "aze"), ("be", "bel"), ("bg", "bul"), ("bn", "ben"), ("bs", "bos"),
    ("ca", "cat"), ("cs", "ces"), ("da", "dan"), ("de", "deu"), ("el", "ell"), ("en", "eng"), ("es", "spa"), ("et", "est"),
    ("eu", "eus"), ("fa", "fas"), ("fi", "fin"), ("fr", "fra"), ("gl", "glg"), ("gu", "guj"), ("he", "heb"), ("hi", "hin"),
    ("hr", "hrv"), ("hu", "hun"), ("hy", "hye"), ("id", "ind"), ("is", "isl"), ("it", "ita"), ("ja", "jpn"), ("ka", "kat"),
    ("kk", "kaz"), ("kn", "kan"), ("ko", "kor"), ("lt", "lit"), ("lv", "lav"), ("mk", "mkd"), ("ml", "mal"), ("mr", "mar"),
    ("ms", "msa"), ("nb", "nob"), ("ne", "nep"), ("nl", "nld"), ("nn", "nno"), ("no", "nor"), ("pa", "pan"), ("pl", "pol"),
    ("pt", "por"), ("ro", "ron"), ("ru", "rus"), ("si", "sin"), ("sk", "slk"), ("sl", "slv"), ("sq", "sqi"), ("sr", "srp"),
    ("sv", "swe"), ("sw", "swa"), ("ta", "tam"), ("te", "tel"), ("th", "tha"), ("tl", "tgl"), ("tr", "tur"), ("uk", "ukr"),
    ("ur", "urd"), ("uz", "uzb"), ("vi", "vie"), ("zh", "zho"), ("zu", "zul"),
];

/// Codes of ISO 639-2/B that differ from those of ISO 639-2/T.
#[rustfmt::skip]
const BIBLIOGRAPHIC: [(&str, &str); 20] = [
    ("alb", "sqi"), ("arm", "hye"), ("baq", "eus"), ("bur", "mya"), ("chi", "zho"), ("cze", "ces"), ("dut", "nld"), ("fre", "fra"),
    ("geo", "kat"), ("ger", "deu"), ("gre", "ell"), ("ice", "isl"), ("mac", "mkd"), ("mao", "mri"), ("may", "msa"), ("per", "fas"),
    ("rum", "ron"), ("slo", "slk"), ("tib", "bod"), ("wel", "cym"),
];

/// Whether two codes, of two or three letters or BCP 47, name the same language.
pub(crate) fn same(one: &str, other: &str) -> bool {
    let own = |tag: &str| {
        let code = of_bcp47(tag)?;
        let known = BIBLIOGRAPHIC.iter().find(|(known, _)| *known == code).map(|(_, own)| (*own).to_owned());
        Some(known.unwrap_or(code))
    };
    own(one).is_some_and(|one| own(other) == Some(one))
}

/// The language of a tag, by three letters where they are known: `de-AT` → `deu`, `ger` → `ger`.
pub(crate) fn of_bcp47(tag: &str) -> Option<String> {
    let primary = tag.split(['-', '_']).next()?.to_ascii_lowercase();
    if !(2..=3).contains(&primary.len()) || !primary.bytes().all(|letter| letter.is_ascii_lowercase()) {
        return None;
    }
    let long = TWO_LETTERS.iter().find(|(short, _)| *short == primary).map(|(_, long)| (*long).to_owned());
    Some(long.unwrap_or(primary))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_become_three_letters() {
        assert_eq!(of_bcp47("de-AT").as_deref(), Some("deu"));
        assert_eq!(of_bcp47("ger").as_deref(), Some("ger"));
        assert_eq!(of_bcp47("x"), None);
        assert!(same("ger", "de-AT") && same("fre", "fra") && same("nl", "dut") && same("xyz", "XYZ"));
        assert!(!same("slv", "slo") && !same("", "") && !same("en", "enm"));
        assert_eq!(of_bcp47("\u{1b}[2"), None);
    }
}
