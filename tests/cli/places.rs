//! What `fit` never writes over, what files are called, and by what name a file is known.

use super::*;

fn error_of(file: &Value) -> String {
    file["error"]["message"].as_str().unwrap_or_else(|| panic!("no error: {file}")).to_owned()
}

#[test]
fn a_source_is_never_written_over() {
    let dir = Dir::new();
    dir.file("deep.png", png16(16, 16));
    dir.file("kept.jpg", JPEG);
    dir.file("gps.jpg", JPEG_WITH_GPS);
    let ran = dir.mediafit(["fit", "deep.png", "kept.jpg", "gps.jpg", "--out", ".", "--json"]).ends_with(1);
    for name in ["deep.png", "kept.jpg", "gps.jpg"] {
        let error = error_of(&ran.file(name));
        assert!(error.contains("is a source") && error.contains("--out"), "{error}");
    }
    assert_eq!((dir.read("deep.png"), dir.read("kept.jpg")), (png16(16, 16), JPEG.to_vec()));
    assert_eq!(dir.read("gps.jpg"), JPEG_WITH_GPS);
}

#[test]
fn what_no_run_wrote_is_never_written_over() {
    let dir = Dir::new();
    dir.file("p.bmp", bmp(8, 8));
    dir.file("p.png", png(9, 9));
    let ran = dir.mediafit(["fit", "p.bmp", "--out", ".", "--json"]).ends_with(1);
    let error = error_of(&ran.file("p.bmp"));
    assert!(error.contains("p.png") && error.contains("remove it"), "{error}");
    assert_eq!(dir.read("p.png"), png(9, 9));
    dir.file("out/stdin.png", "a user's");
    let ran = dir.fed(["fit", "-", "--out", "out", "--json"], &png16(8, 8)).ends_with(1);
    assert!(error_of(&ran.one_file()).contains("no earlier run wrote"), "{}", ran.text());
    assert_eq!(dir.read("out/stdin.png"), b"a user's");
}

#[test]
fn what_an_earlier_run_wrote_is_written_over() {
    let dir = Dir::new();
    let fit = |arguments: &[&str]| dir.mediafit(["fit", "in", "--out", "out"].iter().chain(arguments)).ends_with(0);
    dir.file("in/a.bmp", bmp(8, 8));
    fit(&[]);
    // Other options give another name; the first one is still known when they are back.
    fit(&["--as", "sticker"]);
    assert!(dir.join("out/a.png").exists() && dir.join("out/a.webp").exists());
    dir.file("in/a.bmp", bmp(16, 8));
    fit(&[]);
    dir.file("in/a.bmp", bmp(24, 8));
    fit(&["--as", "sticker"]);
    // The folder may be called otherwise.
    dir.file("in/a.bmp", bmp(32, 8));
    let out = dir.join("out");
    dir.mediafit(["fit".as_ref(), "in".as_ref(), "--out".as_ref(), out.as_os_str()]).ends_with(0);
}

#[test]
fn a_run_that_was_killed_before_its_record_goes_on() {
    let dir = Dir::new();
    dir.file("in/a.bmp", bmp(8, 8));
    let arguments = ["fit", "in", "--out", "out", "--json"];
    dir.mediafit(arguments).ends_with(0);
    fs::remove_file(dir.join("out/mediafit.jsonl")).unwrap();
    // The same bytes would be written: they are taken as they are.
    assert_eq!(dir.mediafit(arguments).ends_with(0).summary()["written"], 1);
    assert_eq!(dir.mediafit(arguments).ends_with(0).summary()["reused"], 1);
    fs::remove_file(dir.join("out/mediafit.jsonl")).unwrap();
    dir.file("in/a.bmp", bmp(16, 8));
    dir.mediafit(arguments).ends_with(1);
}

#[test]
fn the_out_folder_itself_is_no_input() {
    let dir = Dir::new();
    dir.file("photos/a.png", png(8, 8));
    let ran = dir.mediafit(["fit", "photos", "--out", "photos"]).ends_with(2);
    assert!(ran.stderr.contains("photos: is the output folder"), "{}", ran.stderr);
    dir.file("b.png", png(8, 8));
    let ran = dir.mediafit(["fit", "b.png", "photos", "--out", "./photos/", "--json"]).ends_with(2);
    assert!(ran.one_file()["path"] == "b.png" && dir.join("photos/b.png").exists());
    assert!(!dir.join("photos/photos").exists());
}

#[test]
fn standard_input_has_one_record() {
    let dir = Dir::new();
    for size in [8, 8, 16] {
        dir.fed(["fit", "-", "--out", "out"], &png16(size, 8)).ends_with(0);
        let journal = String::from_utf8(dir.read("out/mediafit.jsonl")).unwrap();
        assert_eq!(journal.lines().count(), 1, "{journal}");
    }
}

#[test]
fn a_source_is_known_however_its_folder_is_spelled() {
    let dir = Dir::new();
    dir.file("real/a.png", png(8, 8));
    dir.mediafit(["fit", "real", "--out", "o5"]).ends_with(0);
    for (input, out) in [("./real", "./o5"), ("real/", "o5/"), ("././real", "o5")] {
        let ran = dir.mediafit(["fit", input, "--out", out, "--json"]).ends_with(0);
        assert_eq!(ran.summary()["reused"], 1, "{input} {out}");
        assert_eq!(String::from_utf8(dir.read("o5/mediafit.jsonl")).unwrap().lines().count(), 1);
    }
}

#[test]
fn globs_are_matched_from_the_folder_of_the_configuration_too() {
    let dir = Dir::new();
    dir.file("mediafit.toml", "[roles]\n\"avatars/*\" = \"sticker\"\n");
    dir.file("avatars/11.png", png(8, 8));
    for path in ["avatars", "avatars/11.png", "./avatars/11.png"] {
        let ran = dir.mediafit(["check", path, "--json"]).ends_with(1);
        assert_eq!(ran.one_file()["role"], "sticker", "{path}");
    }
    let ran = dir.mediafit(["check", ".", "--json"]);
    assert_eq!(ran.one_file()["role"], "sticker", "the configuration is no input: {}", ran.text());
}

#[test]
fn a_name_that_gets_too_long_is_cut() {
    let dir = Dir::new();
    let long = "é".repeat(125);
    dir.file(format!("in/{long}1.bmp"), bmp(8, 8));
    dir.file(format!("in/{long}2.jpg"), bmp(8, 16));
    // Each would keep its full name and get an extension beside.
    dir.file(format!("in/{long}1.bmq"), bmp(16, 16));
    let ran = dir.mediafit(["fit", "in", "--out", "out", "--json"]).ends_with(0);
    assert_eq!(ran.summary()["written"], 3);
    assert_eq!(dir.mediafit(["fit", "in", "--out", "out", "--json"]).ends_with(0).summary()["reused"], 3);
}

#[test]
fn a_kept_document_keeps_its_name() {
    let dir = Dir::new();
    let rar: &[u8] = b"Rar!\x1a\x07\x01\x00\x33\x92\xb5\xe5\x0a\x01\x05\x06\x00\x05\x01\x01\x80\x80\x00";
    for (name, bytes) in [
        ("a.rar", rar),
        ("Makefile", &b"all:\n\ttrue\n"[..]),
        ("x.json", b"{}\n"),
        ("t.csv", b"a,b\n"),
        ("UP.PDF", PDF),
        ("blob", b"\0\x01\x02\x03\xff"),
        ("utf16.csv", b"\xff\xfea\0,\0b\0\n\0"),
    ] {
        dir.file(format!("in/{name}"), bytes);
    }
    let arguments = ["fit", "in", "--as", "document", "--platform", "on-premise", "--out", "out", "--json"];
    let ran = dir.mediafit(arguments).ends_with(0);
    for name in ["a.rar", "Makefile", "x.json", "t.csv", "UP.PDF", "blob", "utf16.csv"] {
        assert_eq!(ran.file(name)["plan"], "keep", "{name}");
        assert_eq!(dir.read(format!("out/{name}")), dir.read(format!("in/{name}")), "{name}");
    }
    assert_eq!(ran.file("a.rar")["facts"]["known_as"], "application/vnd.rar");
}

#[test]
fn a_kept_document_keeps_its_name_before_others_get_theirs() {
    let dir = Dir::new();
    for name in ["t.csv", "t.md", "t.csv.txt"] {
        dir.file(format!("in/{name}"), format!("{name}\n"));
    }
    dir.mediafit(["fit", "in", "--out", "out"]).ends_with(0);
    assert_eq!(dir.read("out/t.csv.txt"), b"t.csv.txt\n");
    assert_eq!((dir.read("out/t.csv-2.txt"), dir.read("out/t.md.txt")), (b"t.csv\n".to_vec(), b"t.md\n".to_vec()));
}

#[test]
fn a_refusal_names_the_type_and_a_way_out_that_is_open() {
    let dir = Dir::new();
    let gif: &[u8] = include_bytes!("../../testdata/image/unfit__animated__image.format+image.animated.gif");
    dir.file("moving.gif", gif);
    dir.file("a.7z", b"7z\xbc\xaf\x27\x1c\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    dir.file("wide.txt", b"\xff\xfeh\0i\0\n\0");
    let message = |arguments: &[&str]| {
        let ran = dir.mediafit(["check", "--json"].iter().chain(arguments)).ends_with(1);
        ran.one_file()["refusal"]["message"].as_str().unwrap().to_owned()
    };
    assert!(!message(&["moving.gif"]).contains("--as document"));
    assert!(message(&["moving.gif", "--platform", "on-premise"]).contains("--as document"));
    assert!(message(&["moving.gif", "--as", "sticker", "--animated", "keep"]).contains("WebP"));
    assert!(message(&["a.7z"]).contains("application/x-7z-compressed"));
    assert!(message(&["wide.txt"]).contains("UTF-16 text") && message(&["wide.txt"]).contains("UTF-8"));
}

#[test]
fn text_is_read_to_its_end() {
    let dir = Dir::new();
    dir.file("in/late.txt", [&b"all is well\n".repeat(4000)[..], b"caf\xe9\n"].concat());
    dir.mediafit(["fit", "in", "--out", "out", "--json"]).ends_with(1);
    assert!(!dir.join("out/late.txt").exists());
    let ran = dir.mediafit(["check", "in", "--deep", "--json"]).ends_with(1);
    assert_eq!((&ran.one_file()["format"], &ran.one_file()["verdict"]), (&"binary".into(), &"unfit".into()));
}

#[test]
fn a_text_goes_as_txt_whatever_it_was_called() {
    let dir = Dir::new();
    dir.file("in/x.log", "hello\n");
    dir.file("in/y.text", "hello again\n");
    dir.mediafit(["fit", "in", "--out", "out"]).ends_with(0);
    assert_eq!((dir.read("out/x.txt"), dir.read("out/y.txt")), (b"hello\n".to_vec(), b"hello again\n".to_vec()));
}
