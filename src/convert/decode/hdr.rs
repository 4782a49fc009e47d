//! Pictures brighter than white, as HDR transfers have them, brought into sRGB.

use image::DynamicImage;

use super::Cicp;

/// Whether the transfer is PQ or HLG (ITU-T H.273: 16, 18).
pub(super) fn is_hdr(cicp: &Cicp) -> bool {
    matches!(cicp.transfer, 16 | 18)
}

/// An HDR picture as 8-bit sRGB: graphics white (203 cd/m², ITU-R BT.2408) becomes white, what is brighter is rolled
/// off up to 1000 cd/m² on the largest of R, G and B (which keeps the hue), and the gamut is cut to sRGB.
pub(super) fn tone_map(image: &DynamicImage, cicp: Cicp) -> DynamicImage {
    // BT.2087 and its like for P3: linear light of the wide gamut to that of BT.709.
    #[rustfmt::skip]
    let matrix: [[f32; 3]; 3] = match cicp.primaries {
        9 => [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]],
        11 | 12 => [[1.2249, -0.2247, 0.0], [-0.0420, 1.0419, 0.0], [-0.0197, -0.0786, 1.0979]],
        _ => [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
    };
    let hlg = cicp.transfer == 18;
    let linear: Vec<f32> = (0..=4095_u16).map(|v| linearised(f32::from(v) / 4095.0, hlg)).collect();
    let encoded: Vec<u8> = (0..=4095_u16).map(|v| srgb(f32::from(v) / 4095.0)).collect();
    let look = |v: u16| linear.get(usize::from(v >> 4)).copied().unwrap_or_default();
    let has_alpha = image.color().has_alpha();
    let mut out = image::RgbaImage::new(image.width(), image.height());
    let map = |[r, g, b, a]: [u16; 4]| {
        let mut rgb = [look(r), look(g), look(b)];
        if hlg {
            // BT.2100: the system gamma of a 1000 cd/m² screen, over scene luminance.
            let gain = (0.2627 * rgb[0] + 0.6780 * rgb[1] + 0.0593 * rgb[2]).powf(0.2) * (1000.0 / 203.0);
            rgb = rgb.map(|v| v * gain);
        }
        let peak = rgb.into_iter().fold(0.0_f32, f32::max);
        let scale = if peak > KNEE { rolled_off(peak) / peak } else { 1.0 };
        let code = |row: [f32; 3]| {
            let light = scale * (row[0] * rgb[0] + row[1] * rgb[1] + row[2] * rgb[2]);
            // A square root spreads the table's steps as the eye does: no banding in the dark.
            encoded.get((light.clamp(0.0, 1.0).sqrt() * 4095.0) as usize).copied().unwrap_or(255)
        };
        [code(matrix[0]), code(matrix[1]), code(matrix[2]), (a >> 8) as u8]
    };
    // Row by row, not through a 16-bit copy of the whole picture.
    match image {
        DynamicImage::ImageRgb16(wide) => {
            for (to, from) in out.pixels_mut().zip(wide.pixels()) {
                let [r, g, b] = from.0;
                to.0 = map([r, g, b, u16::MAX]);
            }
        }
        DynamicImage::ImageRgba16(wide) => {
            for (to, from) in out.pixels_mut().zip(wide.pixels()) {
                to.0 = map(from.0);
            }
        }
        other => {
            for (to, from) in out.pixels_mut().zip(other.to_rgba16().pixels()) {
                to.0 = map(from.0);
            }
        }
    }
    let out = DynamicImage::ImageRgba8(out);
    if has_alpha { out } else { DynamicImage::ImageRgb8(out.into_rgb8()) }
}

/// Below this share of white the picture is left as it is.
const KNEE: f32 = 0.5;

/// A smooth curve from the knee (slope 1) to white at 1000 cd/m².
fn rolled_off(light: f32) -> f32 {
    let t = (light - KNEE) / (1.0 - KNEE);
    let top = (1000.0 / 203.0 - KNEE) / (1.0 - KNEE);
    (KNEE + (1.0 - KNEE) * t * (1.0 + t / (top * top)) / (1.0 + t)).min(1.0)
}

/// A PQ code as light (1 = 203 cd/m²), or an HLG code as scene light (BT.2100, tables 4 and 5).
fn linearised(code: f32, hlg: bool) -> f32 {
    if hlg {
        return if code <= 0.5 {
            code * code / 3.0
        } else {
            (((code - 0.559_910_7) / 0.178_832_77).exp() + 0.284_668_9) / 12.0
        };
    }
    let p = code.powf(1.0 / 78.84375);
    ((p - 0.835_937_5).max(0.0) / (18.851_562 - 18.6875 * p)).powf(1.0 / 0.159_301_76) * (10_000.0 / 203.0)
}

/// The square root of linear light as an sRGB code.
fn srgb(root: f32) -> u8 {
    let light = root * root;
    let v = if light <= 0.003_130_8 { 12.92 * light } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 };
    (v * 255.0).round() as u8
}
