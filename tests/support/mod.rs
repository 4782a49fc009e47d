//! A temporary folder and a runner of the command, for tests through the binary.

use serde_json::Value;
use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// No test's command may take longer: what hangs must fail.
const PATIENCE: Duration = Duration::from_secs(60);

/// A temporary folder, gone with the value. Commands run in it.
pub(crate) struct Dir(tempfile::TempDir);

impl Dir {
    pub(crate) fn new() -> Self {
        Self(tempfile::Builder::new().prefix("mediafit-test-").tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn join(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.path().join(relative)
    }

    /// Writes `bytes` to `relative`, and makes its folders.
    pub(crate) fn file(&self, relative: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.join(relative);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    pub(crate) fn read(&self, relative: impl AsRef<Path>) -> Vec<u8> {
        let path = self.join(relative);
        std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// The command in this folder, with `arguments`.
    pub(crate) fn mediafit<I: IntoIterator<Item: AsRef<OsStr>>>(&self, arguments: I) -> Ran {
        self.fed(arguments, b"")
    }

    /// The command in this folder, with `input` on its standard input.
    pub(crate) fn fed<I: IntoIterator<Item: AsRef<OsStr>>>(&self, arguments: I, input: &[u8]) -> Ran {
        let mut command = self.command();
        command.args(arguments);
        run(command, input)
    }

    /// The command in this folder, not yet started.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mediafit"));
        command.current_dir(self.path()).env("NO_COLOR", "1").env("COLUMNS", "100");
        command
    }
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Ran {
    /// Sees that it ended with `code`.
    #[track_caller]
    pub(crate) fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.text(), self.stderr);
        self
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Standard output as JSON Lines.
    #[track_caller]
    pub(crate) fn json(&self) -> Vec<Value> {
        let text = self.text();
        text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
    }

    /// The one line of type `file`.
    #[track_caller]
    pub(crate) fn one_file(&self) -> Value {
        let mut lines = self.json();
        lines.retain(|line| line["type"] == "file");
        assert_eq!(lines.len(), 1, "{}", self.text());
        lines.remove(0)
    }

    /// The line of type `file` whose path ends with `name`.
    #[track_caller]
    pub(crate) fn file(&self, name: &str) -> Value {
        let mut lines = self.json();
        lines.retain(|line| line["path"].as_str().is_some_and(|path| path.ends_with(name)));
        assert_eq!(lines.len(), 1, "{name} in {}", self.text());
        lines.remove(0)
    }

    /// The last line, of type `summary`.
    #[track_caller]
    pub(crate) fn summary(&self) -> Value {
        let last = self.json().pop().unwrap();
        assert_eq!(last["type"], "summary");
        last
    }
}

/// Runs `command` to its end, with `input`.
pub(crate) fn run(mut command: Command, input: &[u8]) -> Ran {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // A command that ends before it has read all its input is no failure of the test.
    let feeder = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let (sender, receiver) = std::sync::mpsc::channel();
    let id = child.id();
    let waiter = std::thread::spawn(move || sender.send(child.wait_with_output()));
    let start = Instant::now();
    let output = receiver.recv_timeout(PATIENCE).unwrap_or_else(|_| {
        let _ = Command::new("kill").arg("-9").arg(id.to_string()).status();
        panic!("{command:?} still ran after {:?}", start.elapsed());
    });
    waiter.join().unwrap().unwrap();
    feeder.join().unwrap();
    let output = output.unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    Ran { code: output.status.code(), stdout: output.stdout, stderr }
}

/// A small RGB picture with some structure, as PNG.
pub(crate) fn png(width: u32, height: u32) -> Vec<u8> {
    encoded(image::DynamicImage::ImageRgb8(picture(width, height)), image::ImageFormat::Png)
}

/// The same as a 16-bit PNG, which is not fit.
pub(crate) fn png16(width: u32, height: u32) -> Vec<u8> {
    let deep = image::DynamicImage::ImageRgb8(picture(width, height)).into_rgb16();
    encoded(image::DynamicImage::ImageRgb16(deep), image::ImageFormat::Png)
}

/// The same as BMP, which is not fit.
pub(crate) fn bmp(width: u32, height: u32) -> Vec<u8> {
    encoded(image::DynamicImage::ImageRgb8(picture(width, height)), image::ImageFormat::Bmp)
}

/// A small JPEG that needs no repair.
pub(crate) const JPEG: &[u8] = include_bytes!("../../testdata/image/fit__baseline.jpg");

/// The same with a GPS position, which warns.
pub(crate) const JPEG_WITH_GPS: &[u8] = include_bytes!("../../testdata/image/fit__gps__image.metadata.jpg");

/// A small but whole PDF.
pub(crate) const PDF: &[u8] =
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\nxref\n0 3\n\
0000000000 65535 f \n0000000009 00000 n \n0000000053 00000 n \ntrailer<</Size 3/Root 1 0 R>>\nstartxref\n98\n%%EOF\n";

fn picture(width: u32, height: u32) -> image::RgbImage {
    let shade = |x: u32, y: u32, turn: u32| u8::try_from((x * turn + y * 3) % 256).unwrap();
    image::RgbImage::from_fn(width, height, |x, y| image::Rgb([shade(x, y, 1), shade(x, y, 5), shade(y, x, 7)]))
}

fn encoded(picture: image::DynamicImage, format: image::ImageFormat) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}
