//! The only door to libjpeg (mozjpeg in its libjpeg-turbo profile): safe owners around its two structs.
//!
//! libjpeg reports a fatal error by a callback that must not return. Ours unwinds: the callbacks are `extern "C-unwind"`,
//! the C code is compiled with unwind tables (`mozjpeg-sys/unwinding`), and `guarded` catches the payload on the Rust side
//! of every call, so that a broken file is an `Err` and never an exit. `resume_unwind` does not call the panic hook, so
//! nothing is printed. After a caught error a struct is only ever destroyed.

#![expect(
    unsafe_code,
    reason = "libjpeg has no safe interface to coefficients; every call is behind an owner in this file"
)]

mod reader;
mod writer;

use std::ffi::CStr;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr;

use mozjpeg_sys as sys;

use super::layout::{Block, Scan};
use crate::error::Error;

pub(super) use reader::{Reader, Space};
pub(super) use writer::write_from;

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
    /// A fatal error was caught: libjpeg's state is undefined but for destroying it.
    broken: bool,
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
            broken: false,
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
        (*trap).end_missing |= code == sys::JWRN_JPEG_EOF;
        // A scan that ends before its blocks do: what is missing is filled with gray, whether or not an EOI stands behind it.
        (*trap).data_missing |= code == sys::JWRN_HIT_MARKER;
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
    // SAFETY: no libjpeg call is running, so nothing else touches the trap.
    if unsafe { (*trap).broken } {
        return Err(Error::malformed("JPEG codec used after an error"));
    }
    catch_unwind(AssertUnwindSafe(calls)).map_err(|payload| {
        if !payload.is::<Raised>() {
            resume_unwind(payload);
        }
        // SAFETY: the calls have ended, so nothing else touches the trap; the message table is libjpeg's static one.
        unsafe {
            (*trap).broken = true;
            describe(&*trap)
        }
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
    if errors.msg_code == sys::JERR_OUT_OF_MEMORY {
        return Error::limit(format!("JPEG decoder: {text}"));
    }
    Error::malformed(format!("JPEG decoder: {text}"))
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

/// How a picture is written, beside its coefficients.
pub(super) struct Output<'m> {
    /// The progressive scans; none for a sequential JPEG.
    pub(super) scans: &'m [Scan],
    /// Marker code and payload, written before the picture.
    pub(super) markers: &'m [(u8, Vec<u8>)],
    /// The encoder stops here.
    pub(super) max_bytes: usize,
}
