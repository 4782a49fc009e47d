//! The mapping of HLG and PQ against the published formulas, computed from the light of a chart rather than from its codes,
//! and compared as colours are seen (CIE ΔE2000).

use super::{BT2020, Cube, HLG, Light, PQ};
use crate::facts::ColorTags;

type Triple = [f64; 3];

/// Chromaticities of red, green, blue and white (BT.2020 and BT.709, table "colorimetry").
const WIDE: [[f64; 2]; 4] = [[0.708, 0.292], [0.170, 0.797], [0.131, 0.046], D65];
const NARROW: [[f64; 2]; 4] = [[0.64, 0.33], [0.30, 0.60], [0.15, 0.06], D65];
const D65: [f64; 2] = [0.3127, 0.3290];

/// Brightness of BT.2020.
const Y_2020: Triple = [0.2627, 0.6780, 0.0593];

/// The brightest of the three in each patch, in cd/m².
const LIGHT: [f64; 9] = [1.0, 5.0, 20.0, 58.0, 100.0, 203.0, 400.0, 700.0, 1000.0];

/// Red, green and blue of BT.2020 in each patch, relative to the brightest: grays, skin, foliage, sky, and the six colours, pale and strong.
#[rustfmt::skip]
const COLORS: [Triple; 16] = [
    [1.0, 1.0, 1.0], [1.0, 0.68, 0.52], [0.62, 1.0, 0.45], [0.42, 0.66, 1.0],
    [1.0, 0.6, 0.6], [0.6, 1.0, 0.6], [0.6, 0.6, 1.0], [0.6, 1.0, 1.0], [1.0, 0.6, 1.0], [1.0, 1.0, 0.6],
    [1.0, 0.3, 0.3], [0.3, 1.0, 0.3], [0.3, 0.3, 1.0], [0.3, 1.0, 1.0], [1.0, 0.3, 1.0], [1.0, 1.0, 0.3],
];

fn times(matrix: [Triple; 3], vector: Triple) -> Triple {
    matrix.map(|row| row.iter().zip(vector).map(|(a, b)| a * b).sum())
}

fn inverse([[a, b, c], [d, e, f], [g, h, i]]: [Triple; 3]) -> [Triple; 3] {
    let whole = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
    let rows = [
        [e * i - f * h, c * h - b * i, b * f - c * e],
        [f * g - d * i, a * i - c * g, c * d - a * f],
        [d * h - e * g, b * g - a * h, a * e - b * d],
    ];
    rows.map(|row| row.map(|value| value / whole))
}

/// Linear red, green and blue to CIE XYZ (SMPTE RP 177).
fn to_xyz(primaries: [[f64; 2]; 4]) -> [Triple; 3] {
    let [r, g, b, white] = primaries.map(|[x, y]| [x / y, 1.0, (1.0 - x - y) / y]);
    let columns = [0, 1, 2].map(|row| [r[row], g[row], b[row]]);
    let share = times(inverse(columns), white);
    columns.map(|row| [0, 1, 2].map(|at| row[at] * share[at]))
}

/// Codes of 10 bits, limited range, of non-linear red, green and blue (BT.2100 tables 6 and 9).
fn codes(rgb: Triple) -> Triple {
    let y: f64 = Y_2020.iter().zip(rgb).map(|(share, value)| share * value).sum();
    let code = |value: f64| value.round();
    [
        code((219.0 * y + 16.0) * 4.0),
        code((224.0 * (rgb[2] - y) / 1.8814 + 128.0) * 4.0),
        code((224.0 * (rgb[0] - y) / 1.4746 + 128.0) * 4.0),
    ]
}

/// PQ's inverse EOTF (BT.2100 table 4).
fn pq_coded(light: f64) -> f64 {
    let power = (light / 10_000.0).powf(0.159_301_757_812_5);
    ((0.835_937_5 + 18.851_562_5 * power) / (1.0 + 18.6875 * power)).powf(78.84375)
}

/// HLG's inverse OOTF for a display of 1,000 cd/m², and its OETF (BT.2100 table 5).
fn hlg_coded(light: Triple) -> Triple {
    let display = light.map(|value| value / 1000.0);
    let y: f64 = Y_2020.iter().zip(display).map(|(share, value)| share * value).sum();
    display.map(|value| {
        let scene = value * y.powf((1.0 - 1.2) / 1.2);
        if scene <= 1.0 / 12.0 {
            (3.0 * scene).sqrt()
        } else {
            0.178_832_77 * (12.0 * scene - 0.284_668_92).ln() + 0.559_910_73
        }
    })
}

/// Light of a BT.709 display, 0 to 1, for light in cd/m² of BT.2020: BT.2446 method A, then BT.2087.
fn mapped(light: Triple) -> Triple {
    let gamma = light.map(|value| (value / 1000.0).powf(1.0 / 2.4));
    let y: f64 = Y_2020.iter().zip(gamma).map(|(share, value)| share * value).sum();
    let rho = |peak: f64| 1.0 + 32.0 * (peak / 10_000.0_f64).powf(1.0 / 2.4);
    let perceived = (1.0 + (rho(1000.0) - 1.0) * y).ln() / rho(1000.0).ln();
    let compressed = match perceived {
        low if low <= 0.7399 => 1.0770 * low,
        middle if middle < 0.9909 => -1.1510 * middle.powi(2) + 2.7811 * middle - 0.6302,
        high => 0.5 * high + 0.5,
    };
    let sdr = (rho(100.0).powf(compressed) - 1.0) / (rho(100.0) - 1.0);
    let scale = sdr / (1.1 * y);
    let (cb, cr) = (scale * (gamma[2] - y) / 1.8814, scale * (gamma[0] - y) / 1.4746);
    let y = sdr - (0.1 * cr).max(0.0);
    let (r, b) = (y + 1.4746 * cr, y + 1.8814 * cb);
    let g = (y - Y_2020[0] * r - Y_2020[2] * b) / Y_2020[1];
    let wide = [r, g, b].map(|value| value.clamp(0.0, 1.0).powf(2.4));
    times(inverse(to_xyz(NARROW)), times(to_xyz(WIDE), wide)).map(|value| value.clamp(0.0, 1.0))
}

/// Light of a BT.709 display for limited levels of 8 bits (BT.709, BT.1886).
fn shown([y, cb, cr]: Triple) -> Triple {
    let (y, cb, cr) = ((y - 16.0) / 219.0, (cb - 128.0) / 224.0, (cr - 128.0) / 224.0);
    let (r, b) = (y + 1.5748 * cr, y + 1.8556 * cb);
    let g = (y - 0.2126 * r - 0.0722 * b) / 0.7152;
    [r, g, b].map(|value| value.clamp(0.0, 1.0).powf(2.4))
}

/// CIE L*a*b* of a BT.709 display's light.
fn lab(light: Triple) -> Triple {
    let white = times(to_xyz(NARROW), [1.0; 3]);
    let xyz = times(to_xyz(NARROW), light);
    let [x, y, z] = [0, 1, 2].map(|at| {
        let value: f64 = xyz[at] / white[at];
        if value > (6.0_f64 / 29.0).powi(3) {
            value.cbrt()
        } else {
            value * (29.0_f64 / 6.0).powi(2) / 3.0 + 4.0 / 29.0
        }
    });
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

/// CIE ΔE2000 (Sharma, Wu and Dalal, 2005).
fn difference([l1, a1, b1]: Triple, [l2, a2, b2]: Triple) -> f64 {
    let seventh = |c: f64| (c.powi(7) / (c.powi(7) + 25.0_f64.powi(7))).sqrt();
    let g = 0.5 * (1.0 - seventh(f64::midpoint(a1.hypot(b1), a2.hypot(b2))));
    let (a1, a2) = (a1 * (1.0 + g), a2 * (1.0 + g));
    let (c1, c2) = (a1.hypot(b1), a2.hypot(b2));
    let hue = |a: f64, b: f64| if a == 0.0 && b == 0.0 { 0.0 } else { b.atan2(a).to_degrees().rem_euclid(360.0) };
    let (h1, h2) = (hue(a1, b1), hue(a2, b2));
    let gray = c1 * c2 == 0.0;
    let turn = match h2 - h1 {
        _ if gray => 0.0,
        turn if turn > 180.0 => turn - 360.0,
        turn if turn < -180.0 => turn + 360.0,
        turn => turn,
    };
    let dh = 2.0 * (c1 * c2).sqrt() * (turn / 2.0).to_radians().sin();
    let mean = match h1 + h2 {
        sum if gray => sum,
        sum if (h1 - h2).abs() <= 180.0 => sum / 2.0,
        sum if sum < 360.0 => f64::midpoint(sum, 360.0),
        sum => (sum - 360.0) / 2.0,
    };
    let cosine = |degrees: f64| degrees.to_radians().cos();
    let t = 1.0 - 0.17 * cosine(mean - 30.0) + 0.24 * cosine(2.0 * mean) + 0.32 * cosine(3.0 * mean + 6.0)
        - 0.20 * cosine(4.0 * mean - 63.0);
    let (l, c) = (f64::midpoint(l1, l2) - 50.0, f64::midpoint(c1, c2));
    let sl = 1.0 + 0.015 * l * l / (20.0 + l * l).sqrt();
    let (sc, sh) = (1.0 + 0.045 * c, 1.0 + 0.015 * c * t);
    let rt = -2.0 * seventh(c) * (60.0 * (-((mean - 275.0) / 25.0).powi(2)).exp()).to_radians().sin();
    let (dl, dc, dh) = ((l2 - l1) / sl, (c2 - c1) / sc, dh / sh);
    (dl * dl + dc * dc + dh * dh + rt * dc * dh).sqrt()
}

#[test]
fn differences_are_those_that_were_published() {
    let pairs = [
        ([50.0, 2.6772, -79.7751], [50.0, 0.0, -82.7485], 2.0425),
        ([50.0, -1.0, 2.0], [50.0, 0.0, 0.0], 2.3669),
        ([50.0, 2.5, 0.0], [73.0, 25.0, -18.0], 27.1492),
        ([2.0776, 0.0795, -1.1350], [0.9033, -0.0636, -0.5514], 0.9082),
    ];
    for (one, other, published) in pairs {
        assert!((difference(one, other) - published).abs() < 0.0001, "{} {published}", difference(one, other));
    }
}

#[test]
fn hlg_and_pq_are_mapped_as_published() {
    let color = |transfer| ColorTags { primaries: BT2020, transfer, matrix: BT2020, full_range: false };
    for (name, cube, coded) in [
        ("PQ", Cube::new(color(PQ), 10, Light::Pq), (|light| light.map(pq_coded)) as fn(Triple) -> Triple),
        ("HLG", Cube::new(color(HLG), 10, Light::Hlg), hlg_coded),
    ] {
        let (mut sum, mut worst, mut count) = (0.0, (0.0, [0.0; 3]), 0.0);
        for light in LIGHT.iter().flat_map(|&peak| COLORS.map(|color| color.map(|share| share * peak))) {
            let [y, cb, cr] = codes(coded(light)).map(|code| code as u16);
            let lines = cube.lines(cb, cr);
            let found = [0, 1, 2].map(|component| f64::from(cube.along(&lines, y, component)) / 16.0);
            let error = difference(lab(mapped(light)), lab(shown(found)));
            sum += error;
            count += 1.0;
            if error > worst.0 {
                worst = (error, light);
            }
        }
        assert!(count == 144.0 && sum / count < 1.0 && worst.0 < 4.5, "{name}: {} {worst:?}", sum / count);
    }
}
