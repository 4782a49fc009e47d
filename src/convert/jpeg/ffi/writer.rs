//! The owner of a libjpeg compressor, which orders coefficients bit by bit.

use mozjpeg_sys as sys;

use super::super::layout::{Color, Layout, Scan};
use super::{Output, Reader, Stop, Trap, empty_sink, finish_sink, guarded, init_sink};
use crate::error::Error;

/// A JPEG being written from coefficients.
struct Writer {
    info: *mut sys::jpeg_compress_struct,
    trap: *mut Trap,
}

impl Drop for Writer {
    fn drop(&mut self) {
        // SAFETY: as in `Reader::drop`.
        unsafe {
            sys::jpeg_destroy_compress(&mut *self.info);
            drop(Box::from_raw(self.info));
            drop(Box::from_raw(self.trap));
        }
    }
}

impl Writer {
    /// An encoder for `layout` with its quantisation tables (natural order), and no blocks yet.
    fn open(layout: &Layout, tables: &[[u16; 64]]) -> Result<Self, Error> {
        // SAFETY: as in `Reader::open`.
        let info = Box::into_raw(Box::new(unsafe { std::mem::zeroed::<sys::jpeg_compress_struct>() }));
        let trap = Trap::new();
        let writer = Self { info, trap };
        let space = match layout.color {
            Color::Gray => sys::J_COLOR_SPACE::JCS_GRAYSCALE,
            Color::Ycc => sys::J_COLOR_SPACE::JCS_YCbCr,
            Color::Rgb => sys::J_COLOR_SPACE::JCS_RGB,
            Color::Cmyk => sys::J_COLOR_SPACE::JCS_CMYK,
            Color::Ycck => sys::J_COLOR_SPACE::JCS_YCCK,
        };
        // SAFETY: `info` and `trap` live as long as `writer`. `jpeg_set_colorspace` makes `comp_info` hold as many entries
        // as the colour model has planes, which is checked before they are written.
        guarded(trap, || unsafe {
            (*info).common.err = &raw mut (*trap).errors;
            (*info).common.client_data = trap.cast();
            sys::jpeg_create_compress(info);
            let sink = &raw mut (*trap).sink.manager;
            (*sink).init_destination = Some(init_sink);
            (*sink).empty_output_buffer = Some(empty_sink);
            (*sink).term_destination = Some(finish_sink);
            (*info).dest = sink;
            (*info).image_width = layout.width;
            (*info).image_height = layout.height;
            (*info).input_components = layout.planes.len() as i32;
            (*info).in_color_space = space;
            let profile = sys::JINT_COMPRESS_PROFILE_VALUE::JCP_FASTEST as i32;
            sys::jpeg_c_set_int_param(&mut *info, sys::J_INT_PARAM::JINT_COMPRESS_PROFILE, profile);
            sys::jpeg_set_defaults(&mut *info);
            sys::jpeg_set_colorspace(&mut *info, space);
            // Always on: the statistics pass is also what checks the range of every coefficient.
            (*info).optimize_coding = 1;
            if (*info).num_components as usize == layout.planes.len() {
                for (index, plane) in layout.planes.iter().enumerate() {
                    let part = &mut *(*info).comp_info.add(index);
                    part.h_samp_factor = plane.h as i32;
                    part.v_samp_factor = plane.v as i32;
                    part.quant_tbl_no = plane.table as i32;
                }
            }
            for (index, values) in tables.iter().take(sys::NUM_QUANT_TBLS).enumerate() {
                let table = sys::jpeg_alloc_quant_table(&mut (*info).common);
                (*table).quantval = *values;
                (*info).quant_tbl_ptrs[index] = table;
            }
        })?;
        // SAFETY: a plain read.
        if unsafe { (*info).num_components } as usize != layout.planes.len() {
            return Err(Error::malformed("JPEG colour model and number of planes differ"));
        }
        Ok(writer)
    }

    /// # Safety
    /// `arrays` must hold one virtual array a plane, of this layout, alive until the end of the call.
    unsafe fn write(
        self,
        arrays: &mut [*mut sys::jvirt_barray_control],
        out: &Output<'_>,
    ) -> Result<Option<Vec<u8>>, Error> {
        let (info, trap) = (self.info, self.trap);
        let scans: Vec<sys::jpeg_scan_info> = out.scans.iter().map(scan_info).collect();
        // SAFETY: `scans` and the marker bytes outlive the calls; the arrays are the caller's promise.
        let written = guarded(trap, || unsafe {
            (*trap).sink.max_bytes = out.max_bytes;
            if !scans.is_empty() {
                (*info).num_scans = scans.len() as i32;
                (*info).scan_info = scans.as_ptr();
            }
            sys::jpeg_write_coefficients(&mut *info, arrays.as_mut_ptr());
            for (marker, payload) in out.markers {
                sys::jpeg_write_marker(&mut *info, i32::from(*marker), payload.as_ptr(), payload.len() as u32);
            }
            sys::jpeg_finish_compress(&mut *info);
            std::mem::take(&mut (*trap).sink.bytes)
        });
        // SAFETY: no libjpeg call is running.
        match written {
            Err(_) if unsafe { (*trap).stop } == Stop::OutputFull => Ok(None),
            written => written.map(Some),
        }
    }
}

/// Writes the coefficients that `reader` holds (and that the caller may have changed in place) with new tables.
pub(crate) fn write_from(
    reader: &mut Reader<'_>,
    tables: &[[u16; 64]],
    out: &Output<'_>,
) -> Result<Option<Vec<u8>>, Error> {
    let layout = reader.layout()?;
    if reader.arrays.is_null() {
        return Err(Error::malformed("JPEG coefficients have not been read"));
    }
    let writer = Writer::open(&layout, tables)?;
    // SAFETY: `jpeg_read_coefficients` returns one array a component; `reader` outlives the call.
    unsafe {
        let arrays = std::slice::from_raw_parts_mut(reader.arrays, layout.planes.len());
        writer.write(arrays, out)
    }
}

fn scan_info(scan: &Scan) -> sys::jpeg_scan_info {
    let mut component_index = [0; 4];
    for (slot, &plane) in component_index.iter_mut().zip(scan.planes) {
        *slot = i32::from(plane);
    }
    sys::jpeg_scan_info {
        comps_in_scan: scan.planes.len() as i32,
        component_index,
        Ss: scan.first.into(),
        Se: scan.last.into(),
        Ah: scan.high.into(),
        Al: scan.low.into(),
    }
}
