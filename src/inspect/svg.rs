//! SVG: the size that the root element states, for what it is worth; a drawing has no pixels of its own.

use super::Inspected;
use crate::error::Result;
use crate::facts::{ColorModel, ImageFacts};
use crate::source::Source;

/// What an SVG's root element tells: 0×0 where it states no size (or the file is compressed), without damage.
pub(crate) fn inspect(source: &Source) -> Result<Inspected> {
    let text = String::from_utf8_lossy(source.head()?);
    let (width, height) = size(&text).unwrap_or((0, 0));
    Ok(Inspected { image: ImageFacts::new(width, height, ColorModel::Rgba), damage: Vec::new() })
}

fn size(text: &str) -> Option<(u32, u32)> {
    let (_, root) = text.split_once("<svg")?;
    let (root, _) = root.split_once('>')?;
    let stated = |name| length(attribute(root, name)?);
    if let (Some(width), Some(height)) = (stated("width"), stated("height")) {
        return Some((width, height));
    }
    let mut numbers = attribute(root, "viewBox")?.split([' ', ',', '\t', '\n']).filter(|part| !part.is_empty()).skip(2);
    Some((length(numbers.next()?)?, length(numbers.next()?)?))
}

fn attribute<'a>(element: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = element;
    loop {
        let (before, after) = rest.split_at(rest.find(name)?);
        rest = after.get(name.len()..)?;
        // The whole name, not the end of `stroke-width`.
        if !before.ends_with(|c: char| c.is_ascii_whitespace()) {
            continue;
        }
        let Some(value) = rest.trim_start().strip_prefix('=').map(str::trim_start) else { continue };
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        return value.get(1..)?.split(quote).next();
    }
}

/// A length in CSS pixels; a share of the window (`100%`) is none.
fn length(text: &str) -> Option<u32> {
    let text = text.trim();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == '%');
    let scale = match text.get(digits.len()..)? {
        "" | "px" => 1.0,
        "pt" => 96.0 / 72.0,
        "pc" => 16.0,
        "in" => 96.0,
        "cm" => 96.0 / 2.54,
        "mm" => 96.0 / 25.4,
        _ => return None,
    };
    let pixels = digits.parse::<f64>().ok()? * scale;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to lie within u32")]
    (1.0..=f64::from(u32::MAX)).contains(&pixels).then(|| pixels.round() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_elements_size_counts() {
        assert_eq!(size(r#"<svg stroke-width="9" width="10" height = '20px'><rect width="1"/>"#), Some((10, 20)));
        assert_eq!(size(r#"<svg width="100%" viewBox="0 0 300,150.4">"#), Some((300, 150)));
        assert_eq!(size(r#"<svg width="1in" height="-5">"#), None);
        assert_eq!(size("<svg"), None);
    }
}
