//! The only door to libjpeg (mozjpeg in its libjpeg-turbo profile): safe owners around its two structs.
//!
//! libjpeg reports a fatal error by a callback that must not return. Ours unwinds: the callbacks are `extern "C-unwind"`,
//! the C code is compiled with unwind tables (`mozjpeg-sys/unwinding`), and `guarded` catches the payload on the Rust side
//! of every call, so that a broken file is an `Err` and never an exit. `resume_unwind` does not call the panic hook, so
//! nothing is printed. After a caught error a struct is only ever destroyed.

#![expect(unsafe_code, reason = "libjpeg has no safe interface to coefficients; every call is behind an owner in this file")]

use std::ffi::CStr;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr;

use mozjpeg_sys as sys;

use super::layout::{Block, Color, Layout, Plane, Scan};
use crate::error::Error;

/// The payload of the unwind that a fatal libjpeg error becomes.
struct Raised;

/// Why a call was stopped by us, not by libjpeg.
#[derive(Clone, Copy, PartialEq)]
enum Stop {
    Library,
    Scans,
    OutputFull,
}

/// What the callbacks write: reached through `client_data`, shared by one libjpeg struct and its owner.
struct Trap {
    errors: sys::jpeg_error_mgr,
    progress: sys::jpeg_progress_mgr,
    reader: *mut sys::jpeg_decompress_struct,
    stop: Stop,
    max_scans: i32,
    warnings: u32,
    end_missing: bool,
    data_missing: bool,
    sink: Sink,
}

/// Where compressed bytes go: a fixed buffer for libjpeg, emptied into `bytes`.
struct Sink {
    manager: sys::jpeg_destination_mgr,
    buffer: Vec<u8>,
    bytes: Vec<u8>,
    max_bytes: usize,
}

const SINK_BUFFER: usize = 64 << 10;

impl Trap {
    fn new() -> *mut Self {
        // SAFETY: the libjpeg managers are plain C structs of integers and nullable pointers; all zero is a valid value.
        let (errors, progress, manager) = unsafe { (std::mem::zeroed(), std::mem::zeroed(), std::mem::zeroed()) };
        let sink = Sink { manager, buffer: Vec::new(), bytes: Vec::new(), max_bytes: usize::MAX };
        let trap = Box::into_raw(Box::new(Self {
            errors,
            progress,
            reader: ptr::null_mut(),
            stop: Stop::Library,
            max_scans: i32::MAX,
            warnings: 0,
            end_missing: false,
            data_missing: false,
            sink,
        }));
        // SAFETY: `trap` was just made and is not shared yet.
        unsafe {
            sys::jpeg_std_error(&mut (*trap).errors);
            (*trap).errors.error_exit = Some(error_exit);
            (*trap).errors.emit_message = Some(emit_message);
            (*trap).errors.output_message = Some(output_message);
            (*trap).progress.progress_monitor = Some(progress_monitor);
        }
        trap
    }
}

/// The trap behind a struct that one of the owners below made.
fn trap_of(common: &sys::jpeg_common_struct) -> *mut Trap {
    common.client_data.cast()
}

extern "C-unwind" fn error_exit(_common: &mut sys::jpeg_common_struct) {
    resume_unwind(Box::new(Raised));
}

extern "C-unwind" fn output_message(_common: &mut sys::jpeg_common_struct) {}

extern "C-unwind" fn emit_message(common: &mut sys::jpeg_common_struct, level: i32) {
    if level >= 0 {
        return;
    }
    let trap = trap_of(common);
    // SAFETY: `client_data` is the trap for as long as the struct lives; libjpeg holds no reference into these fields.
    unsafe {
        let code = (*trap).errors.msg_code;
        (*trap).warnings = (*trap).warnings.saturating_add(1);
        (*trap).end_missing |= code == sys::JWRN_JPEG_EOF as i32;
        (*trap).data_missing |= code == sys::JWRN_HIT_MARKER as i32 && (*trap).end_missing;
    }
}

extern "C-unwind" fn progress_monitor(common: &mut sys::jpeg_common_struct) {
    let trap = trap_of(common);
    // SAFETY: as in `emit_message`; `reader` is set before the monitor is installed and outlives it.
    let over = unsafe { !(*trap).reader.is_null() && (*(*trap).reader).input_scan_number > (*trap).max_scans };
    if over {
        // SAFETY: as above.
        unsafe { (*trap).stop = Stop::Scans };
        resume_unwind(Box::new(Raised));
    }
}

extern "C-unwind" fn init_sink(info: &mut sys::jpeg_compress_struct) {
    // SAFETY: the trap lives as long as `info`; the buffer is filled by libjpeg only between these callbacks.
    let sink = unsafe { &mut (*trap_of(&info.common)).sink };
    sink.buffer.resize(SINK_BUFFER, 0);
    sink.manager.next_output_byte = sink.buffer.as_mut_ptr();
    sink.manager.free_in_buffer = sink.buffer.len();
}

extern "C-unwind" fn empty_sink(info: &mut sys::jpeg_compress_struct) -> sys::boolean {
    // libjpeg asks for this only when the whole buffer is full, whatever `free_in_buffer` says.
    drain_sink(info, SINK_BUFFER);
    1
}

extern "C-unwind" fn finish_sink(info: &mut sys::jpeg_compress_struct) {
    // SAFETY: as in `init_sink`.
    let free = unsafe { (*trap_of(&info.common)).sink.manager.free_in_buffer };
    drain_sink(info, SINK_BUFFER.saturating_sub(free));
}

/// Moves the first `len` bytes of the buffer to the output, or stops the encoder when that would pass the allowed length.
fn drain_sink(info: &mut sys::jpeg_compress_struct, len: usize) {
    let trap = trap_of(&info.common);
    // SAFETY: as in `init_sink`; the reference ends before libjpeg writes again.
    let sink = unsafe { &mut (*trap).sink };
    if sink.bytes.len() + len > sink.max_bytes {
        // SAFETY: as above.
        unsafe { (*trap).stop = Stop::OutputFull };
        resume_unwind(Box::new(Raised));
    }
    sink.bytes.extend_from_slice(sink.buffer.get(..len).unwrap_or_default());
    sink.manager.next_output_byte = sink.buffer.as_mut_ptr();
    sink.manager.free_in_buffer = sink.buffer.len();
}

/// Runs libjpeg calls, turning the unwind of a fatal error into an `Err`; any other panic goes on.
fn guarded<T>(trap: *mut Trap, calls: impl FnOnce() -> T) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(calls)).map_err(|payload| {
        if !payload.is::<Raised>() {
            resume_unwind(payload);
        }
        // SAFETY: the calls have ended, so nothing else touches the trap; the message table is libjpeg's static one.
        unsafe { describe(&*trap) }
    })
}

/// The error behind a `Raised`, in libjpeg's words up to the first number it would fill in.
///
/// # Safety
/// `trap.errors` must have been set up by `jpeg_std_error`.
unsafe fn describe(trap: &Trap) -> Error {
    match trap.stop {
        Stop::Scans => return Error::limit(format!("JPEG has more than {} scans", trap.max_scans)),
        Stop::OutputFull => return Error::limit("JPEG passed the allowed length"),
        Stop::Library => {}
    }
    let errors = &trap.errors;
    let mut text = String::from("unknown error");
    if (0..=errors.last_jpeg_message).contains(&errors.msg_code) && !errors.jpeg_message_table.is_null() {
        // SAFETY: the table has `last_jpeg_message + 1` entries, each a static C string.
        let entry = unsafe { *errors.jpeg_message_table.offset(errors.msg_code as isize) };
        if !entry.is_null() {
            // SAFETY: as above.
            let whole = unsafe { CStr::from_ptr(entry.cast()) }.to_string_lossy();
            text = whole.split('%').next().unwrap_or_default().trim_end_matches([' ', ':', '(', ',']).to_owned();
        }
    }
    if errors.msg_code == sys::JERR_OUT_OF_MEMORY as i32 {
        return Error::limit(format!("JPEG decoder: {text}"));
    }
    Error::malformed(format!("JPEG decoder: {text}"))
}

/// What a decode met on its way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Damage {
    /// Warnings of libjpeg.
    pub(super) warnings: u32,
    /// The stream ended before its picture did.
    pub(super) truncated: bool,
}

/// A JPEG being read from memory.
pub(super) struct Reader<'a> {
    info: *mut sys::jpeg_decompress_struct,
    trap: *mut Trap,
    arrays: *mut *mut sys::jvirt_barray_control,
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
    pub(super) fn open(bytes: &'a [u8], max_scans: u32) -> Result<Self, Error> {
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
    pub(super) fn layout(&self) -> Result<Layout, Error> {
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
    pub(super) fn table(&self, plane: usize) -> Result<[u16; 64], Error> {
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
    pub(super) fn pixels(&mut self, denominator: u32, channels: usize) -> Result<(u32, u32, Vec<u8>, Damage), Error> {
        let (info, trap) = (self.info, self.trap);
        // SAFETY: `info` is valid and has its header read; the enum values are libjpeg's own.
        guarded(trap, || unsafe {
            (*info).scale_num = 1;
            (*info).scale_denom = denominator;
            (*info).out_color_space = match channels {
                1 => sys::J_COLOR_SPACE::JCS_GRAYSCALE,
                3 => sys::J_COLOR_SPACE::JCS_RGB,
                _ => sys::J_COLOR_SPACE::JCS_CMYK,
            };
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
    pub(super) fn read_coefficients(&mut self) -> Result<Damage, Error> {
        let info = self.info;
        // SAFETY: `info` has its header read; the arrays live as long as `info`.
        self.arrays = guarded(self.trap, || unsafe { sys::jpeg_read_coefficients(&mut *info) })?;
        if self.arrays.is_null() {
            return Err(Error::malformed("JPEG decoder gives no coefficients"));
        }
        Ok(self.damage())
    }

    /// One row of blocks of a plane, to read or to change in place.
    pub(super) fn block_row(&mut self, plane: usize, row: u32) -> Result<&mut [Block], Error> {
        let layout = self.layout()?;
        let Some(shape) = layout.planes.get(plane).filter(|shape| row < shape.blocks_h && !self.arrays.is_null()) else {
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

/// One row of blocks out of a virtual array.
///
/// # Safety
/// `array` must belong to `common` or to a struct that outlives the result; `row` and `blocks_w` must lie within it.
unsafe fn access_row<'r>(
    common: &mut sys::jpeg_common_struct,
    trap: *mut Trap,
    array: *mut sys::jvirt_barray_control,
    row: u32,
    blocks_w: u32,
) -> Result<&'r mut [Block], Error> {
    // SAFETY: `mem` is libjpeg's memory manager, set by `jpeg_create_*`.
    let rows = guarded(trap, || unsafe {
        let access = (*common.mem).access_virt_barray?;
        Some(access(common, array, row, 1, 1))
    })?;
    match rows {
        // SAFETY: libjpeg returns at least one row pointer to `blocks_w` (or more) initialised blocks.
        Some(rows) if !rows.is_null() => unsafe { Ok(std::slice::from_raw_parts_mut(*rows, blocks_w as usize)) },
        _ => Err(Error::malformed("JPEG block row is not there")),
    }
}

/// A JPEG being written from coefficients.
pub(super) struct Writer {
    info: *mut sys::jpeg_compress_struct,
    trap: *mut Trap,
    layout: Layout,
    arrays: Vec<*mut sys::jvirt_barray_control>,
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
        let writer = Self { info, trap, layout: layout.clone(), arrays: Vec::new() };
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

    /// An encoder with room for the blocks of `layout`, all zero.
    pub(super) fn new(layout: &Layout, tables: &[[u16; 64]]) -> Result<Self, Error> {
        let mut writer = Self::open(layout, tables)?;
        let info = writer.info;
        // SAFETY: the memory manager was set by `jpeg_create_compress`; the arrays live as long as `info`.
        let arrays = guarded(writer.trap, || unsafe {
            let request = (*(*info).common.mem).request_virt_barray?;
            let realize = (*(*info).common.mem).realize_virt_arrays?;
            let arrays = layout
                .planes
                .iter()
                .map(|plane| {
                    let (w, h) = (plane.blocks_w.next_multiple_of(plane.h), plane.blocks_h.next_multiple_of(plane.v));
                    request(&mut (*info).common, sys::JPOOL_IMAGE, 1, w, h, plane.v)
                })
                .collect();
            realize(&mut (*info).common);
            Some(arrays)
        })?;
        writer.arrays = arrays.ok_or_else(|| Error::malformed("JPEG memory manager is not there"))?;
        Ok(writer)
    }

    /// One row of blocks of a plane, to fill.
    pub(super) fn block_row(&mut self, plane: usize, row: u32) -> Result<&mut [Block], Error> {
        let shape = self.layout.planes.get(plane).filter(|shape| row < shape.blocks_h);
        let (Some(shape), Some(&array)) = (shape, self.arrays.get(plane)) else {
            return Err(Error::malformed("JPEG block row out of range"));
        };
        // SAFETY: in range of the arrays that `new` requested for this struct.
        unsafe { access_row(&mut (*self.info).common, self.trap, array, row, shape.blocks_w) }
    }

    /// The encoded JPEG; none as soon as it would be longer than `max_bytes`.
    pub(super) fn finish(mut self, out: &Output<'_>) -> Result<Option<Vec<u8>>, Error> {
        let mut arrays = std::mem::take(&mut self.arrays);
        // SAFETY: `arrays` has one entry a plane, made by this struct with the same layout.
        unsafe { self.write(&mut arrays, out) }
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

/// How a picture is written, beside its coefficients.
pub(super) struct Output<'m> {
    /// The progressive scans; none for a sequential JPEG.
    pub(super) scans: &'m [Scan],
    /// Marker code and payload, written before the picture.
    pub(super) markers: &'m [(u8, Vec<u8>)],
    /// The encoder stops here.
    pub(super) max_bytes: usize,
}

/// Writes the coefficients that `reader` holds (and that the caller may have changed in place) with new tables.
pub(super) fn write_from(reader: &mut Reader<'_>, tables: &[[u16; 64]], out: &Output<'_>) -> Result<Option<Vec<u8>>, Error> {
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
