//! The owner of a libjpeg decompressor.

use std::marker::PhantomData;
use std::ptr;

use mozjpeg_sys as sys;

use super::super::layout::{Block, Color, Layout, Plane};
use super::{Trap, access_row, guarded};
use crate::error::Error;

/// What a decode met on its way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Damage {
    /// Warnings of libjpeg.
    pub(crate) warnings: u32,
    /// The stream ended before its picture did.
    pub(crate) truncated: bool,
}

/// What pixels are decoded to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Space {
    Gray,
    Rgb,
    /// Brightness and colours, the latter not smoothed.
    Ycc,
    Cmyk,
}

impl Space {
    const fn channels(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::Rgb | Self::Ycc => 3,
            Self::Cmyk => 4,
        }
    }
}

/// A JPEG being read from memory.
pub(crate) struct Reader<'a> {
    info: *mut sys::jpeg_decompress_struct,
    trap: *mut Trap,
    pub(super) arrays: *mut *mut sys::jvirt_barray_control,
    bytes: PhantomData<&'a [u8]>,
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        // SAFETY: both pointers came from `Box::into_raw` in `open`; destroying frees only what libjpeg allocated.
        // It cannot raise: it calls nothing but `free`.
        unsafe {
            sys::jpeg_destroy_decompress(&mut *self.info);
            drop(Box::from_raw(self.info));
            drop(Box::from_raw(self.trap));
        }
    }
}

impl<'a> Reader<'a> {
    /// Reads the header; `max_scans` stops a stream that would be decoded over and over.
    pub(crate) fn open(bytes: &'a [u8], max_scans: u32) -> Result<Self, Error> {
        // SAFETY: a plain C struct; libjpeg clears it itself in `jpeg_create_decompress`.
        let info = Box::into_raw(Box::new(unsafe { std::mem::zeroed::<sys::jpeg_decompress_struct>() }));
        let trap = Trap::new();
        let reader = Self { info, trap, arrays: ptr::null_mut(), bytes: PhantomData };
        // SAFETY: `info` and `trap` live until `reader` is dropped; `bytes` outlives `reader` by its lifetime.
        guarded(trap, || unsafe {
            (*trap).reader = info;
            (*trap).max_scans = i32::try_from(max_scans).unwrap_or(i32::MAX);
            (*info).common.err = &raw mut (*trap).errors;
            (*info).common.client_data = trap.cast();
            sys::jpeg_create_decompress(info);
            (*info).common.progress = &raw mut (*trap).progress;
            sys::jpeg_mem_src(&mut *info, bytes.as_ptr(), bytes.len() as _);
            sys::jpeg_read_header(&mut *info, 1);
        })?;
        Ok(reader)
    }

    /// Size, colour model and planes as the header states them.
    pub(crate) fn layout(&self) -> Result<Layout, Error> {
        // SAFETY: after `jpeg_read_header` `comp_info` points at `num_components` entries.
        let (info, parts) = unsafe {
            let info = &*self.info;
            let count = usize::try_from(info.num_components).unwrap_or(0);
            if info.comp_info.is_null() || count == 0 {
                return Err(Error::malformed("JPEG has no components"));
            }
            (info, std::slice::from_raw_parts(info.comp_info, count))
        };
        let color = match info.jpeg_color_space {
            sys::J_COLOR_SPACE::JCS_GRAYSCALE => Color::Gray,
            sys::J_COLOR_SPACE::JCS_YCbCr => Color::Ycc,
            sys::J_COLOR_SPACE::JCS_RGB => Color::Rgb,
            sys::J_COLOR_SPACE::JCS_CMYK => Color::Cmyk,
            sys::J_COLOR_SPACE::JCS_YCCK => Color::Ycck,
            _ => return Err(Error::unsupported("JPEG colour model is neither gray, YCbCr, RGB, CMYK nor YCCK")),
        };
        let planes = parts
            .iter()
            .map(|part| Plane {
                h: u32::try_from(part.h_samp_factor).unwrap_or(1),
                v: u32::try_from(part.v_samp_factor).unwrap_or(1),
                table: usize::try_from(part.quant_tbl_no).unwrap_or(0),
                blocks_w: part.width_in_blocks,
                blocks_h: part.height_in_blocks,
            })
            .collect();
        Ok(Layout { width: info.image_width, height: info.image_height, color, planes })
    }

    /// The quantisation table that was in force for a plane (natural order), after `read_coefficients`.
    pub(crate) fn table(&self, plane: usize) -> Result<[u16; 64], Error> {
        let count = self.layout()?.planes.len();
        if plane >= count {
            return Err(Error::malformed("JPEG plane out of range"));
        }
        // SAFETY: `plane` is below `num_components`; libjpeg keeps a copy of the table per component while reading.
        let table = unsafe { (*(*self.info).comp_info.add(plane)).quant_table };
        if table.is_null() {
            return Err(Error::malformed("JPEG plane without a quantisation table"));
        }
        // SAFETY: not null, allocated by libjpeg for the life of the struct.
        Ok(unsafe { (*table).quantval })
    }

    /// Decodes all pixels, interleaved, at 1/`denominator` of the size; `(width, height, bytes)`.
    pub(crate) fn pixels(&mut self, denominator: u32, space: Space) -> Result<(u32, u32, Vec<u8>, Damage), Error> {
        let (info, trap) = (self.info, self.trap);
        let channels = space.channels();
        // SAFETY: `info` is valid and has its header read; the enum values are libjpeg's own.
        guarded(trap, || unsafe {
            (*info).scale_num = 1;
            (*info).scale_denom = denominator;
            (*info).out_color_space = match space {
                Space::Gray => sys::J_COLOR_SPACE::JCS_GRAYSCALE,
                Space::Rgb => sys::J_COLOR_SPACE::JCS_RGB,
                Space::Ycc => sys::J_COLOR_SPACE::JCS_YCbCr,
                Space::Cmyk => sys::J_COLOR_SPACE::JCS_CMYK,
            };
            // Colours as they are stored, each as often as it has pixels.
            (*info).do_fancy_upsampling = (space != Space::Ycc).into();
            sys::jpeg_start_decompress(&mut *info);
        })?;
        // SAFETY: plain reads of fields that `jpeg_start_decompress` has set.
        let (width, height, components) =
            unsafe { ((*info).output_width, (*info).output_height, (*info).output_components) };
        if usize::try_from(components).ok() != Some(channels) {
            return Err(Error::malformed("JPEG decoder gives another number of channels"));
        }
        let stride = width as usize * channels;
        let Some(total) = stride.checked_mul(height as usize).filter(|&total| total > 0) else {
            return Err(Error::malformed("JPEG has no pixels"));
        };
        let mut pixels = vec![0u8; total];
        for row in pixels.chunks_exact_mut(stride) {
            let mut rows = [row.as_mut_ptr()];
            // SAFETY: the row has `output_width * output_components` bytes, as libjpeg requires, and one row is asked for.
            let got = guarded(trap, || unsafe { sys::jpeg_read_scanlines(&mut *info, rows.as_mut_ptr(), 1) })?;
            if got != 1 {
                return Err(Error::malformed("JPEG decoder stopped early"));
            }
        }
        Ok((width, height, pixels, self.damage()))
    }

    /// Decodes the entropy coding of the whole picture into memory that libjpeg owns.
    pub(crate) fn read_coefficients(&mut self) -> Result<Damage, Error> {
        let info = self.info;
        // SAFETY: `info` has its header read; the arrays live as long as `info`.
        self.arrays = guarded(self.trap, || unsafe { sys::jpeg_read_coefficients(&mut *info) })?;
        if self.arrays.is_null() {
            return Err(Error::malformed("JPEG decoder gives no coefficients"));
        }
        Ok(self.damage())
    }

    /// One row of blocks of a plane, to read or to change in place.
    pub(crate) fn block_row(&mut self, plane: usize, row: u32) -> Result<&mut [Block], Error> {
        let layout = self.layout()?;
        let Some(shape) = layout.planes.get(plane).filter(|shape| row < shape.blocks_h && !self.arrays.is_null())
        else {
            return Err(Error::malformed("JPEG block row out of range"));
        };
        // SAFETY: `plane` and `row` are in range of the arrays that `jpeg_read_coefficients` made for this struct; a row
        // holds at least `blocks_w` blocks and is borrowed only as long as `self` is borrowed mutably.
        unsafe { access_row(&mut (*self.info).common, self.trap, *self.arrays.add(plane), row, shape.blocks_w) }
    }

    fn damage(&self) -> Damage {
        // SAFETY: no libjpeg call is running.
        let trap = unsafe { &*self.trap };
        Damage { warnings: trap.warnings, truncated: trap.data_missing || (trap.end_missing && self.lacks_scans()) }
    }

    /// Whether a progressive stream ended before all bits of all coefficients were sent.
    fn lacks_scans(&self) -> bool {
        // SAFETY: `coef_bits` is null or an array of `num_components` rows of 64 ints, owned by libjpeg.
        unsafe {
            let bits = (*self.info).coef_bits.cast::<[i32; 64]>();
            let count = usize::try_from((*self.info).num_components).unwrap_or(0);
            !bits.is_null() && std::slice::from_raw_parts(bits, count).iter().flatten().any(|&bit| bit != 0)
        }
    }
}
