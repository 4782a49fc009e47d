//! HLG and PQ in BT.2020 to BT.709, exactly and slowly: what the points of a cube are made with.
//!
//! Transfer functions by ITU-R BT.2100; tone mapping by ITU-R BT.2446 method A (1,000 to 100 cd/m²); primaries by BT.2087.

use crate::facts::ColorTags;

/// How codes stand for light.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Light {
    /// Gamma, up to 100 cd/m².
    Sdr,
    /// Perceptual quantizer.
    Pq,
    /// Hybrid log-gamma.
    Hlg,
}

/// Peak of the mastering display and of the result, in cd/m².
const HDR_PEAK: f64 = 1000.0;
const SDR_PEAK: f64 = 100.0;

/// The display's gamma (BT.1886).
const GAMMA: f64 = 2.4;

/// Linear BT.2020 to linear BT.709 (BT.2087 annex 2).
const TO_709: [[f64; 3]; 3] =
    [[1.660_491, -0.587_641, -0.072_850], [-0.124_550, 1.132_900, -0.008_349], [-0.018_151, -0.100_579, 1.118_730]];

/// Share of red and blue in brightness by matrix.
const LUMA_709: [f64; 2] = [0.2126, 0.0722];
const LUMA_601: [f64; 2] = [0.299, 0.114];
const LUMA_2020: [f64; 2] = [0.2627, 0.0593];

/// Share of red and blue in brightness by a matrix's number.
pub(in crate::convert::video) const fn share_of(matrix: u8) -> [f64; 2] {
    match matrix {
        9 | 10 => LUMA_2020,
        4..=6 => LUMA_601,
        _ => LUMA_709,
    }
}

pub(super) struct Converter {
    color: ColorTags,
    depth: u8,
    light: Light,
}

impl Converter {
    pub(super) const fn new(color: ColorTags, depth: u8, light: Light) -> Self {
        Self { color, depth, light }
    }

    /// Limited 8-bit levels of BT.709 for a code of brightness, blue and red difference.
    pub(super) fn levels(&self, code: [f64; 3]) -> [f64; 3] {
        let rgb = self.rgb(code);
        let wide = self.color.primaries == 9 || self.light != Light::Sdr;
        let display = match self.light {
            Light::Sdr => rgb.map(|value| value.clamp(0.0, 1.0).powf(GAMMA)),
            Light::Pq => tone_mapped(rgb.map(|value| (pq(value) / HDR_PEAK).clamp(0.0, 1.0))),
            Light::Hlg => tone_mapped(hlg(rgb)),
        };
        let linear =
            if wide { TO_709.map(|row| row.iter().zip(display).map(|(a, b)| a * b).sum::<f64>()) } else { display };
        let [r, g, b] = linear.map(|value: f64| value.clamp(0.0, 1.0).powf(1.0 / GAMMA));
        let [red, blue] = LUMA_709;
        let y = red * r + (1.0 - red - blue) * g + blue * b;
        let cb = (b - y) / (2.0 * (1.0 - blue));
        let cr = (r - y) / (2.0 * (1.0 - red));
        [16.0 + 219.0 * y, 128.0 + 224.0 * cb, 128.0 + 224.0 * cr]
    }

    /// Red, green and blue as coded, 0 to 1.
    fn rgb(&self, [y, cb, cr]: [f64; 3]) -> [f64; 3] {
        let unit = f64::from(1_u32 << (self.depth - 8));
        let top = 256.0 * unit - 1.0;
        let (y, cb, cr) = if self.color.full_range {
            (y / top, (cb - 128.0 * unit) / top, (cr - 128.0 * unit) / top)
        } else {
            ((y / unit - 16.0) / 219.0, (cb / unit - 128.0) / 224.0, (cr / unit - 128.0) / 224.0)
        };
        let [red, blue] = match self.color.matrix {
            // The planes are green, blue and red themselves.
            0 => return [cr + 0.5, y, cb + 0.5],
            // YCgCo: cb is green, cr is orange.
            8 => return [y - cb + cr, y + cb, y - cb - cr],
            2 if self.color.primaries == 9 => LUMA_2020,
            matrix => share_of(matrix),
        };
        let r = y + 2.0 * (1.0 - red) * cr;
        let b = y + 2.0 * (1.0 - blue) * cb;
        let g = (y - red * r - blue * b) / (1.0 - red - blue);
        [r, g, b]
    }
}

/// Light of a PQ code, in cd/m² (BT.2100 table 4).
fn pq(code: f64) -> f64 {
    const M1: f64 = 2610.0 / 16384.0;
    const M2: f64 = 2523.0 / 4096.0 * 128.0;
    const C1: f64 = 3424.0 / 4096.0;
    const C2: f64 = 2413.0 / 4096.0 * 32.0;
    const C3: f64 = 2392.0 / 4096.0 * 32.0;
    let power = code.clamp(0.0, 1.0).powf(1.0 / M2);
    10_000.0 * ((power - C1).max(0.0) / (C2 - C3 * power)).powf(1.0 / M1)
}

/// Light of HLG codes on a display of 1,000 cd/m², 0 to 1 (BT.2100 table 5, gamma 1.2).
fn hlg(rgb: [f64; 3]) -> [f64; 3] {
    const A: f64 = 0.178_832_77;
    const B: f64 = 0.284_668_92;
    const C: f64 = 0.559_910_73;
    let scene = rgb.map(|code| {
        let code = code.clamp(0.0, 1.0);
        if code <= 0.5 { code * code / 3.0 } else { (((code - C) / A).exp() + B) / 12.0 }
    });
    let [red, blue] = LUMA_2020;
    let bright = red * scene[0] + (1.0 - red - blue) * scene[1] + blue * scene[2];
    let gain = if bright > 0.0 { bright.powf(0.2) } else { 0.0 };
    scene.map(|value| (value * gain).clamp(0.0, 1.0))
}

/// Linear light of BT.2020, 1 at 1,000 cd/m², to that of a display of 100 cd/m², 1 at its peak (BT.2446 §4).
fn tone_mapped(linear: [f64; 3]) -> [f64; 3] {
    let [r, g, b] = linear.map(|value| value.powf(1.0 / GAMMA));
    let [red, blue] = LUMA_2020;
    let y = red * r + (1.0 - red - blue) * g + blue * b;
    if y <= 0.0 {
        return [0.0; 3];
    }
    let rho_hdr = 1.0 + 32.0 * (HDR_PEAK / 10_000.0).powf(1.0 / GAMMA);
    let rho_sdr = 1.0 + 32.0 * (SDR_PEAK / 10_000.0).powf(1.0 / GAMMA);
    let perceived = (1.0 + (rho_hdr - 1.0) * y).ln() / rho_hdr.ln();
    let pressed = if perceived <= 0.7399 {
        1.0770 * perceived
    } else if perceived < 0.9909 {
        -1.1510 * perceived * perceived + 2.7811 * perceived - 0.6302
    } else {
        0.5 * perceived + 0.5
    };
    let sdr = (rho_sdr.powf(pressed) - 1.0) / (rho_sdr - 1.0);
    let ratio = sdr / (1.1 * y);
    let cb = ratio * (b - y) / 1.8814;
    let cr = ratio * (r - y) / 1.4746;
    let y = sdr - (0.1 * cr).max(0.0);
    let r = y + 1.4746 * cr;
    let b = y + 1.8814 * cb;
    let g = (y - red * r - blue * b) / (1.0 - red - blue);
    [r, g, b].map(|value| value.clamp(0.0, 1.0).powf(GAMMA))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HLG: ColorTags = ColorTags { primaries: 9, transfer: 18, matrix: 9, full_range: false };

    #[test]
    fn black_is_black_and_white_is_near_white() {
        let converter = Converter::new(HLG, 10, Light::Hlg);
        let black = converter.levels([64.0, 512.0, 512.0]);
        let peak = converter.levels([940.0, 512.0, 512.0]);
        assert!((black[0] - 16.0).abs() < 0.5 && (peak[0] - 235.0).abs() < 1.5, "{black:?} {peak:?}");
        // Reference white of HLG, 75 %: 203 cd/m² (BT.2408).
        let white = converter.levels([64.0 + 876.0 * 0.75, 512.0, 512.0]);
        // By method A of BT.2446 §4 it lands at 0.6868 of the range, which leaves the rest to highlights.
        assert!((white[0] - 166.4).abs() < 0.5 && (white[1] - 128.0).abs() < 0.5, "{white:?}");
    }

    #[test]
    fn pq_has_the_light_of_the_standard() {
        assert!((pq(0.508_078) - 100.0).abs() < 0.5 && (pq(1.0) - 10_000.0).abs() < 0.1 && pq(0.0) < 1e-6);
    }
}
