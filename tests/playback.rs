//! Whether results play in a browser that has H.264 and AAC: each is loaded into a video element, and has to reach its last
//! frame. Needs a Chromium on the path; without one the tests are reported as ignored.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use libtest_mimic::{Arguments, Failed, Trial};
use mediafit::{Ask, Ending, Fitter, Policy, Source};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Copied, defragmented, with new sound, with new pictures.
const FILES: [&str; 7] = [
    "unfit__h264-aac__video.brand.mov",
    "unfit__h264-aac__video.container.ts",
    "unfit__h264-aac__video.container.mkv",
    "unfit__fragmented__video.fragmented.mp4",
    "unfit__opus__video.audio-codec.mp4",
    "unfit__two-sounds__video.audio-streams.mp4",
    "unfit__hevc__video.codec.mp4",
];

/// How long a clip of a second may take, browser included.
const PATIENCE: Duration = Duration::from_secs(90);

/// The page tells how it ended by asking for a file of that name.
const PAGE: &str = "<!doctype html><body><video id=v muted></video><script>
const v = document.getElementById('v');
const tell = how => fetch('/told/' + how + '/' + v.currentTime + '/' + v.duration + '/' + v.videoWidth);
v.onended = () => tell('ended');
v.onerror = () => tell('error-' + (v.error ? v.error.code : 0));
v.onloadedmetadata = () => v.play().catch(error => tell('refused-' + error.name));
v.src = '/clip.mp4';
</script></body>";

fn main() {
    let arguments = Arguments::from_args();
    let browser = browser();
    if browser.is_none() {
        eprintln!("ignored: chromium not found");
    }
    let trial = |file: &'static str| {
        let browser = browser.clone();
        let ignored = browser.is_none();
        Trial::test(format!("plays::{file}"), move || played(&browser.unwrap(), file)).with_ignored_flag(ignored)
    };
    libtest_mimic::run(&arguments, FILES.into_iter().map(trial).collect()).exit();
}

fn browser() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome"];
    std::env::split_paths(&path).flat_map(|folder| names.map(|name| folder.join(name))).find(|file| file.is_file())
}

fn played(browser: &Path, file: &str) -> Result<(), Failed> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/video").join(file);
    let (_, ending) = Fitter::new(Policy::cloud()).fit(&Source::open(path)?, Ask::Content)?;
    let Ending::Fitted { fitted, .. } = ending else { return Err(format!("{ending:?}").into()) };
    let clip = fitted.to_bytes()?;
    let profile = tempfile::tempdir()?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let mut child = Command::new(browser)
        .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--mute-audio"])
        .args(["--autoplay-policy=no-user-gesture-required", "--no-first-run"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("http://{}/", listener.local_addr()?))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let told = serve(&listener, &clip);
    child.kill()?;
    child.wait()?;
    let told = told.ok_or("the browser told nothing")?;
    let parts: Vec<&str> = told.split('/').collect();
    let [how, at, length, width] = parts[..] else { return Err(told.into()) };
    let (at, length): (f64, f64) = (at.parse()?, length.parse()?);
    if how == "ended" && (at - length).abs() < 0.05 && length > 0.3 && width != "0" {
        return Ok(());
    }
    Err(format!("{how} at {at} of {length} s, {width} pixels wide").into())
}

/// Answers until the page tells how it ended.
fn serve(listener: &TcpListener, clip: &[u8]) -> Option<String> {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        match listener.accept() {
            Ok((stream, _)) => {
                if let Some(told) = answer(stream, clip) {
                    return Some(told);
                }
            }
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
    None
}

fn answer(mut stream: TcpStream, clip: &[u8]) -> Option<String> {
    stream.set_nonblocking(false).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
    let mut line = String::new();
    let mut reader = BufReader::new(stream.try_clone().ok()?).take(16 * 1024);
    reader.read_line(&mut line).ok()?;
    let mut header = String::new();
    while reader.read_line(&mut header).is_ok_and(|count| count > 2) {
        header.clear();
    }
    let path = line.split(' ').nth(1)?;
    let (kind, body) = match path {
        "/" => ("text/html", PAGE.as_bytes()),
        "/clip.mp4" => ("video/mp4", clip),
        _ => ("text/plain", &b""[..]),
    };
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)).ok();
    path.strip_prefix("/told/").map(str::to_owned)
}
