//! An installed ffmpeg as a child process: for codecs that nothing here decodes. Never linked, never through a shell.
//!
//! What a hostile file could do with ffmpeg's help is kept small: the demuxer is the one of the sniffed format (a
//! playlist that names other files is not even looked at), protocols are `file` and `pipe` alone, time and output are
//! limited, and what comes out is judged like everything else.

use crate::cancel::Cancel;
use crate::error::{Error, Result};
use crate::format::Format;
use crate::source::Source;
use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often a running child is looked after.
const TICK: Duration = Duration::from_millis(50);

/// The most of its complaints that is kept, in bytes.
const MAX_COMPLAINT: usize = 4096;

/// An ffmpeg that can be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ffmpeg {
    path: PathBuf,
    /// The longest that one run may take.
    pub max_time: Duration,
}

impl Ffmpeg {
    /// The ffmpeg at `path`, which is not run before it is needed.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), max_time: Duration::from_hours(1) }
    }

    /// The first `ffmpeg` in the folders of the environment's `PATH`, if there is one.
    #[must_use]
    pub fn find() -> Option<Self> {
        let folders = std::env::var_os("PATH")?;
        let name = format!("ffmpeg{}", std::env::consts::EXE_SUFFIX);
        let mut paths = std::env::split_paths(&folders).filter(|folder| folder.is_absolute());
        paths.find_map(|folder| Some(folder.join(&name)).filter(|path| path.is_file())).map(Self::at)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its name and version, as it says itself.
    ///
    /// # Errors
    /// `Engine` when it cannot be run.
    pub fn version(&self) -> Result<String> {
        let output = Command::new(&self.path).arg("-version").stdin(Stdio::null()).output().map_err(not_started)?;
        let text = String::from_utf8_lossy(&output.stdout);
        let words: Vec<&str> = text.lines().next().unwrap_or_default().split_whitespace().take(3).collect();
        Ok(crate::error::clean(&words.join(" ")))
    }

    /// Starts it with `arguments` behind those that hold for every run; its standard output can be read.
    pub(crate) fn start(&self, arguments: &[OsString], cancel: &Cancel) -> Result<Running> {
        let mut child = Command::new(&self.path)
            .args(["-nostdin", "-hide_banner", "-v", "error", "-threads", "1"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(not_started)?;
        let output = child.stdout.take();
        let complaint = child.stderr.take().map(|mut stderr| std::thread::spawn(move || tail(&mut stderr)));
        let child = Arc::new(Mutex::new(child));
        let state = Arc::new(AtomicU8::new(RUNNING));
        let guard = {
            let (child, state, cancel) = (Arc::clone(&child), Arc::clone(&state), cancel.clone());
            let deadline = Instant::now() + cancel.left().map_or(self.max_time, |left| left.min(self.max_time));
            std::thread::spawn(move || look_after(&child, &state, &cancel, deadline))
        };
        Ok(Running { child, output, complaint, guard: Some(guard), state, cancel: cancel.clone() })
    }
}

/// What `source` is named on ffmpeg's command line, with the demuxer of its sniffed format. A source in memory is
/// written to a temporary file, which lives as long as the answer.
pub(crate) fn input(source: &Source, format: Format) -> Result<Input> {
    let demuxer = DEMUXERS.iter().find(|(formats, _)| formats.contains(&format)).map(|(_, name)| *name);
    let demuxer = demuxer.ok_or_else(|| Error::unsupported(format!("{} is not given to ffmpeg", format.label())))?;
    let mut input = Input { arguments: Vec::new(), _file: None };
    let path = match source.name().filter(|_| source.is_file()) {
        Some(path) => std::path::absolute(path).map_err(|error| Error::io("has no absolute path", error).at(path))?,
        None => {
            let failed = |error| Error::io("a temporary file cannot be written", error);
            let mut file = tempfile::NamedTempFile::new().map_err(failed)?;
            file.write_all(&source.read_all()?).map_err(failed)?;
            let path = file.path().to_path_buf();
            input._file = Some(file);
            path
        }
    };
    // With the protocol named, no file name is taken for another one.
    let mut name = OsString::from("file:");
    name.push(path);
    input.arguments = ["-protocol_whitelist", "file,pipe", "-f", demuxer, "-i"].map(OsString::from).to_vec();
    input.arguments.push(name);
    Ok(input)
}

/// A source as ffmpeg's input.
#[derive(Debug)]
pub(crate) struct Input {
    /// `-f DEMUXER -i FILE` and what belongs to it.
    pub arguments: Vec<OsString>,
    _file: Option<tempfile::NamedTempFile>,
}

/// Which of ffmpeg's demuxers reads a format.
#[rustfmt::skip]
const DEMUXERS: &[(&[Format], &str)] = &[
    (&[Format::Mp4, Format::M4v, Format::Mov, Format::ThreeGp, Format::M4a, Format::MovAudio, Format::ThreeGpAudio], "mov"),
    (&[Format::Mkv, Format::Webm, Format::Mka, Format::WebmAudio],                                                  "matroska"),
    (&[Format::Avi, Format::AviAudio],                                                                              "avi"),
    (&[Format::MpegTs, Format::MpegTsAudio],                                                                        "mpegts"),
    (&[Format::MpegPs],                                                                                             "mpeg"),
    (&[Format::MpegVideo],                                                                                          "mpegvideo"),
    (&[Format::Flv, Format::FlvAudio],                                                                              "flv"),
    (&[Format::Wmv, Format::Wma],                                                                                   "asf"),
    (&[Format::OggTheora, Format::OggVorbis, Format::OggFlac, Format::OggSpeex, Format::OggOpus, Format::OggOther], "ogg"),
    (&[Format::Wav, Format::Rf64],                                                                                  "wav"),
    (&[Format::Aiff],                                                                                               "aiff"),
    (&[Format::Caf],                                                                                                "caf"),
    (&[Format::Flac],                                                                                               "flac"),
    (&[Format::Mp3, Format::Mp2],                                                                                   "mp3"),
    (&[Format::Adts],                                                                                               "aac"),
    (&[Format::Amr],                                                                                                "amr"),
    (&[Format::AmrWb],                                                                                              "amr"),
    (&[Format::Ac3],                                                                                                "ac3"),
    (&[Format::Dts],                                                                                                "dts"),
    (&[Format::Loas],                                                                                               "loas"),
    (&[Format::Ape],                                                                                                "ape"),
    (&[Format::W64],                                                                                                "w64"),
    (&[Format::Au],                                                                                                 "au"),
    (&[Format::Tta],                                                                                                "tta"),
    (&[Format::WavPack],                                                                                            "wv"),
    (&[Format::Musepack],                                                                                           "mpc8"),
    (&[Format::MusepackSv7],                                                                                        "mpc"),
    (&[Format::Gif],                                                                                                "gif"),
    (&[Format::Apng],                                                                                               "apng"),
];

/// What ffmpeg says of a codec that it does not decode: nothing is wrong with the file.
const NO_DECODER: [&str; 4] =
    ["not found for input stream", "no decoder found", "Error while opening decoder", "Function not implemented"];

const RUNNING: u8 = 0;
const DONE: u8 = 1;
const TOO_LONG: u8 = 2;
const STOPPED: u8 = 3;

/// A child at work. Dropped, it is killed.
#[derive(Debug)]
pub(crate) struct Running {
    child: Arc<Mutex<Child>>,
    output: Option<ChildStdout>,
    complaint: Option<JoinHandle<String>>,
    guard: Option<JoinHandle<()>>,
    state: Arc<AtomicU8>,
    cancel: Cancel,
}

impl Running {
    /// Reads from its standard output until `into` is full or it ends; gives the count.
    pub(crate) fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        let mut filled = 0;
        while filled < into.len() {
            let Some(output) = &mut self.output else { break };
            match output.read(&mut into[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::new(crate::error::ErrorKind::Engine, format!("ffmpeg: {error}"))),
            }
        }
        Ok(filled)
    }

    /// Waits for its end, and gives its complaint as an error when it failed.
    ///
    /// # Errors
    /// `Cancelled`; `Limit` when it took too long; `Unsupported` when it has no decoder; `Malformed` with ffmpeg's own words
    /// when it failed otherwise.
    pub(crate) fn finish(mut self) -> Result<()> {
        // Nobody reads any more: a child that still writes gets its pipe closed.
        drop(self.output.take());
        let status = loop {
            if let Some(status) = lock(&self.child).try_wait().map_err(not_started)? {
                break status;
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        let outcome = self.state.swap(DONE, Ordering::AcqRel);
        let complaint = self.complaint.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        self.cancel.check()?;
        if outcome == TOO_LONG {
            return Err(Error::limit("ffmpeg took too long and was stopped; send a shorter file"));
        }
        if status.success() {
            return Ok(());
        }
        let what = complaint.lines().next_back().unwrap_or("no reason given").to_owned();
        if NO_DECODER.iter().any(|words| complaint.contains(words)) {
            return Err(Error::unsupported(format!("the installed ffmpeg cannot decode it: {what}; convert it first")));
        }
        Err(Error::malformed(format!("ffmpeg cannot convert it: {what}")))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.state.store(DONE, Ordering::Release);
        let mut child = lock(&self.child);
        if !matches!(child.try_wait(), Ok(Some(_))) {
            // It may have ended just now; either way it is gone afterwards.
            let _ = child.kill();
            let _ = child.wait();
        }
        drop(child);
        if let Some(guard) = self.guard.take() {
            let _ = guard.join();
        }
    }
}

/// Kills the child when its time is over or the caller stops.
fn look_after(child: &Mutex<Child>, state: &AtomicU8, cancel: &Cancel, deadline: Instant) {
    while state.load(Ordering::Acquire) == RUNNING {
        let verdict = match (cancel.check().is_err(), Instant::now() > deadline) {
            (true, _) => STOPPED,
            (false, true) => TOO_LONG,
            (false, false) => {
                std::thread::sleep(TICK);
                continue;
            }
        };
        if state.compare_exchange(RUNNING, verdict, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            let _ = lock(child).kill();
        }
        return;
    }
}

/// The last of what is said on standard error.
fn tail(from: &mut impl Read) -> String {
    let mut kept = Vec::new();
    let mut block = [0; 1024];
    while let Ok(count @ 1..) = from.read(&mut block) {
        kept.extend_from_slice(block.get(..count).unwrap_or_default());
        let excess = kept.len().saturating_sub(MAX_COMPLAINT);
        kept.drain(..excess);
    }
    String::from_utf8_lossy(&kept).trim().to_owned()
}

fn lock(child: &Mutex<Child>) -> std::sync::MutexGuard<'_, Child> {
    child.lock().unwrap_or_else(PoisonError::into_inner)
}

fn not_started(error: std::io::Error) -> Error {
    Error::engine(format!("ffmpeg cannot be run: {error}; check that it is installed, or use --engine builtin"))
}
