//! A browser that has H.264 and AAC: whether it plays a clip to its end.

use libtest_mimic::Failed;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long a clip may take, browser included.
const PATIENCE: Duration = Duration::from_secs(120);

/// The page tells how it ended by asking for a file of that name. Long clips are played fast: every frame is decoded all the same.
const PAGE: &str = "<!doctype html><body><video id=v muted></video><script>
const v = document.getElementById('v');
const tell = how => fetch('/told/' + how + '/' + v.currentTime + '/' + v.duration + '/' + v.videoWidth + '/' + v.videoHeight);
v.onended = () => tell('ended');
v.onerror = () => tell('error-' + (v.error ? v.error.code : 0));
v.onloadedmetadata = () => {
  v.playbackRate = Math.min(16, Math.max(1, v.duration / 2));
  // A clip of one picture may be over before its playing has begun, which aborts that.
  v.play().catch(error => error.name == 'AbortError' || tell('refused-' + error.name));
};
v.src = '/clip.mp4';
</script></body>";

/// How a clip ended.
#[derive(Debug)]
pub(crate) struct Played {
    pub(crate) seconds: f64,
    /// Width and height as shown.
    pub(crate) size: (u32, u32),
}

/// The first Chromium in the folders of `PATH`.
pub(crate) fn found() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome"];
    std::env::split_paths(&path).flat_map(|folder| names.map(|name| folder.join(name))).find(|file| file.is_file())
}

/// Plays `clip` to its last frame.
pub(crate) fn play(browser: &Path, clip: &[u8]) -> Result<Played, Failed> {
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
    let told = serve(&listener, clip);
    child.kill()?;
    child.wait()?;
    let told = told.ok_or("the browser told nothing")?;
    let parts: Vec<&str> = told.split('/').collect();
    let [how, at, length, width, height] = parts[..] else { return Err(told.into()) };
    let (at, seconds): (f64, f64) = (at.parse()?, length.parse()?);
    let size = (width.parse()?, height.parse()?);
    if how == "ended" && (at - seconds).abs() < 0.05 && size.0 > 0 {
        return Ok(Played { seconds, size });
    }
    Err(format!("{how} at {at} of {seconds} s, {size:?}").into())
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
