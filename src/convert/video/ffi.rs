//! The raw interface of OpenH264's encoder, behind one safe type. All unsafe code of the video room is in this file.
//!
//! The safe wrapper of the same library cannot switch CABAC on, and its rate control drops pictures and misses sizes by far:
//! here the rate control is off and the caller sets the quantiser of every picture.

#![expect(unsafe_code, reason = "a C library; every block says why it holds")]

use crate::error::{Error, Result};
use openh264_sys2::source::APILoader;
use openh264_sys2::{
    CAMERA_VIDEO_REAL_TIME, CONSTANT_ID, ENCODER_OPTION_SVC_ENCODE_PARAM_EXT, ENCODER_OPTION_TRACE_LEVEL, ISVCEncoder,
    ISVCEncoderVtbl, MEDIUM_COMPLEXITY, PRO_MAIN, RC_OFF_MODE, SEncParamExt, SFrameBSInfo, SM_SINGLE_SLICE,
    SSourcePicture, WELS_LOG_QUIET, videoFormatI420, videoFrameTypeI, videoFrameTypeIDR, videoFrameTypeP,
};
use std::ffi::c_int;
use std::ptr::{from_mut, null_mut};

/// The longest side that is encoded, in pixels; OpenH264 has guards of its own beyond it.
const MAX_SIDE: u32 = 4096;

/// Quantisers of H.264 for 8 bits.
pub(super) const MAX_QP: u8 = 51;

/// What is encoded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Settings {
    /// Width in pixels, even.
    pub width: u32,
    /// Height in pixels, even.
    pub height: u32,
    /// Pictures per second, for the stream's own description only.
    pub rate: f32,
    /// Ten times the level.
    pub level: u8,
    /// Primaries, transfer and matrix by ITU-T H.273; the range is limited.
    pub color: [u8; 3],
}

/// Which kind of picture came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coded {
    /// Decoding can start here.
    Key,
    /// It needs the one before.
    Delta,
}

/// Three planes, 4:2:0, with the number of bytes from row to row. The interface asks for pointers that may be written
/// through, hence `mut`; the encoder only reads.
#[derive(Debug)]
pub(super) struct Planes<'a> {
    pub data: [&'a mut [u8]; 3],
    pub strides: [usize; 3],
}

/// An encoder of Main profile with CABAC, one reference and no B-frames.
pub(super) struct RawEncoder {
    raw: *mut ISVCEncoder,
    parameters: Box<SEncParamExt>,
    info: Box<SFrameBSInfo>,
    settings: Settings,
}

impl RawEncoder {
    /// An encoder that starts with quantiser `qp`.
    pub(super) fn new(settings: Settings, qp: u8) -> Result<Self> {
        let Settings { width, height, .. } = settings;
        let side = 16..=MAX_SIDE;
        if !side.contains(&width) || !side.contains(&height) || width % 2 != 0 || height % 2 != 0 {
            return Err(Error::engine(format!("a picture of {width}x{height} cannot be coded as H.264 here")));
        }
        let mut raw = null_mut();
        // SAFETY: `raw` is a valid place for the pointer that is returned.
        let code = unsafe { APILoader::WelsCreateSVCEncoder(from_mut(&mut raw)) };
        if code != 0 || raw.is_null() {
            return Err(failed("cannot be made", code));
        }
        let mut encoder = Self { raw, parameters: Box::default(), info: Box::default(), settings };
        encoder.start(qp)?;
        Ok(encoder)
    }

    fn start(&mut self, qp: u8) -> Result<()> {
        let table = self.table()?;
        let (get, init, set) = match (table.GetDefaultParams, table.InitializeExt, table.SetOption) {
            (Some(get), Some(init), Some(set)) => (get, init, set),
            _ => return Err(failed("is not whole", 0)),
        };
        let mut quiet: c_int = WELS_LOG_QUIET as c_int;
        // SAFETY: the encoder lives until drop; the option is read as an int through the pointer during the call only.
        unsafe { set(self.raw, ENCODER_OPTION_TRACE_LEVEL, from_mut(&mut quiet).cast()) };
        // SAFETY: the parameters are a valid place of the right type, which the call fills.
        let code = unsafe { get(self.raw, from_mut(&mut *self.parameters)) };
        if code != 0 {
            return Err(failed("has no parameters", code));
        }
        describe(&mut self.parameters, &self.settings, qp);
        // SAFETY: the parameters are whole and are copied by the call.
        let code = unsafe { init(self.raw, from_mut(&mut *self.parameters)) };
        if code != 0 {
            return Err(failed("refuses its parameters", code));
        }
        // Initialisation sets the level of messages again where the environment says so.
        // SAFETY: as above.
        unsafe { set(self.raw, ENCODER_OPTION_TRACE_LEVEL, from_mut(&mut quiet).cast()) };
        Ok(())
    }

    /// Sets the quantiser of the pictures to come.
    pub(super) fn set_qp(&mut self, qp: u8) -> Result<()> {
        let Some(set) = self.table()?.SetOption else { return Err(failed("is not whole", 0)) };
        self.parameters.sSpatialLayers[0].iDLayerQp = c_int::from(qp.min(MAX_QP));
        let mut parameters = *self.parameters;
        // SAFETY: the option is read as SEncParamExt, which it is, during the call only; nothing in it but the quantiser
        // has changed, so that the encoder keeps its state.
        let code = unsafe { set(self.raw, ENCODER_OPTION_SVC_ENCODE_PARAM_EXT, from_mut(&mut parameters).cast()) };
        if code == 0 { Ok(()) } else { Err(failed("refuses its quantiser", code)) }
    }

    /// Encodes one picture, as a key picture where asked; appends its NAL units with start codes to `out`.
    pub(super) fn encode(&mut self, planes: Planes<'_>, key: bool, out: &mut Vec<u8>) -> Result<Coded> {
        let table = self.table()?;
        let (Some(force), Some(encode)) = (table.ForceIntraFrame, table.EncodeFrame) else {
            return Err(failed("is not whole", 0));
        };
        let (width, height) = (self.settings.width as usize, self.settings.height as usize);
        let Planes { data: [y, u, v], strides } = planes;
        let half = |length: usize| length / 2;
        let whole = |plane: &[u8], stride: usize, columns: usize, rows: usize| {
            stride >= columns && stride.checked_mul(rows).is_some_and(|bytes| plane.len() >= bytes)
        };
        let [luma, blue, red] = strides;
        if !(whole(y, luma, width, height)
            && whole(u, blue, half(width), half(height))
            && whole(v, red, half(width), half(height)))
        {
            return Err(Error::engine("a picture is smaller than its size says"));
        }
        if key {
            // SAFETY: the encoder is initialised.
            let code = unsafe { force(self.raw, true) };
            if code != 0 {
                return Err(failed("makes no key picture", code));
            }
        }
        let int = |length: usize| c_int::try_from(length).unwrap_or(0);
        let source = SSourcePicture {
            iColorFormat: videoFormatI420 as c_int,
            iStride: [int(luma), int(blue), int(red), 0],
            pData: [y.as_mut_ptr(), u.as_mut_ptr(), v.as_mut_ptr(), null_mut()],
            iPicWidth: int(width),
            iPicHeight: int(height),
            ..SSourcePicture::default()
        };
        // SAFETY: the three planes hold stride times rows bytes (checked above) and live beyond the call, as does `info`.
        let code = unsafe { encode(self.raw, &raw const source, from_mut(&mut *self.info)) };
        if code != 0 {
            return Err(failed("fails on a picture", code));
        }
        self.gather(out)
    }

    /// Copies the units that the last call left in the encoder's own buffer.
    fn gather(&self, out: &mut Vec<u8>) -> Result<Coded> {
        let layers = usize::try_from(self.info.iLayerNum).unwrap_or(0);
        for layer in self.info.sLayerInfo.iter().take(layers) {
            let count = usize::try_from(layer.iNalCount).unwrap_or(0);
            if count == 0 || layer.pNalLengthInByte.is_null() || layer.pBsBuf.is_null() {
                continue;
            }
            // SAFETY: the encoder gives `iNalCount` lengths at this pointer, valid until its next call (`&self` holds it off).
            let lengths = unsafe { std::slice::from_raw_parts(layer.pNalLengthInByte, count) };
            let total: usize = lengths.iter().map(|&length| usize::try_from(length).unwrap_or(0)).sum();
            // SAFETY: the units of a layer lie one behind the other from `pBsBuf` on, as long as their lengths say, until
            // the encoder's next call.
            out.extend_from_slice(unsafe { std::slice::from_raw_parts(layer.pBsBuf, total) });
        }
        match self.info.eFrameType {
            kind if kind == videoFrameTypeIDR => Ok(Coded::Key),
            kind if kind == videoFrameTypeI || kind == videoFrameTypeP => Ok(Coded::Delta),
            kind => Err(Error::engine(format!("the H.264 encoder left a picture out ({kind})"))),
        }
    }

    fn table(&self) -> Result<&ISVCEncoderVtbl> {
        // SAFETY: `raw` was given by the library, is not null, and points to a pointer to its table of functions until drop.
        let table = unsafe { self.raw.as_ref().and_then(|table| table.as_ref()) };
        table.ok_or_else(|| failed("is not whole", 0))
    }
}

impl Drop for RawEncoder {
    fn drop(&mut self) {
        if let Ok(Some(end)) = self.table().map(|table| table.Uninitialize) {
            // SAFETY: the encoder was made and not yet destroyed.
            unsafe { end(self.raw) };
        }
        // SAFETY: made by the matching call, destroyed once.
        unsafe { APILoader::WelsDestroySVCEncoder(self.raw) };
    }
}

/// What is asked of the encoder (measured: adaptive quantisation, more references and high complexity change nothing,
/// background detection and temporal layers cost quality).
fn describe(parameters: &mut SEncParamExt, settings: &Settings, qp: u8) {
    let (width, height) = (c_int::try_from(settings.width).unwrap_or(0), c_int::try_from(settings.height).unwrap_or(0));
    parameters.iUsageType = CAMERA_VIDEO_REAL_TIME;
    parameters.iPicWidth = width;
    parameters.iPicHeight = height;
    parameters.iRCMode = RC_OFF_MODE;
    parameters.fMaxFrameRate = settings.rate;
    parameters.iTemporalLayerNum = 1;
    parameters.iSpatialLayerNum = 1;
    parameters.iComplexityMode = MEDIUM_COMPLEXITY;
    // Key pictures are asked for one by one.
    parameters.uiIntraPeriod = 0;
    parameters.iNumRefFrame = 1;
    parameters.eSpsPpsIdStrategy = CONSTANT_ID;
    parameters.bPrefixNalAddingCtrl = false;
    parameters.bEnableSSEI = false;
    parameters.iEntropyCodingModeFlag = 1;
    parameters.bEnableFrameSkip = false;
    parameters.iMultipleThreadIdc = 1;
    parameters.bEnableDenoise = false;
    parameters.bEnableBackgroundDetection = false;
    parameters.bEnableAdaptiveQuant = false;
    parameters.bEnableSceneChangeDetect = false;
    parameters.bEnableLongTermReference = false;
    parameters.bEnableFrameCroppingFlag = true;
    let layer = &mut parameters.sSpatialLayers[0];
    layer.iVideoWidth = width;
    layer.iVideoHeight = height;
    layer.fFrameRate = settings.rate;
    layer.uiProfileIdc = PRO_MAIN;
    layer.uiLevelIdc = settings.level.into();
    layer.iDLayerQp = c_int::from(qp.min(MAX_QP));
    layer.sSliceArgument.uiSliceMode = SM_SINGLE_SLICE;
    layer.bVideoSignalTypePresent = true;
    // 5: not specified (H.264 table E-2).
    layer.uiVideoFormat = 5;
    layer.bFullRange = false;
    layer.bColorDescriptionPresent = true;
    [layer.uiColorPrimaries, layer.uiTransferCharacteristics, layer.uiColorMatrix] = settings.color;
}

fn failed(what: &str, code: c_int) -> Error {
    Error::engine(format!("the H.264 encoder {what} ({code})"))
}
