//! Multipart forms: images to edit, recordings to transcribe.

// Clippy takes only the test functions themselves for tests, not what they share.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

use wire::{ReadError, Request, Rewrite, recognise};

const TYPE: &str = "multipart/form-data; boundary=X-1";
const TRANSCRIBE: &str = "/v1/audio/transcriptions";

fn try_read(path: &str, content_type: &str, body: &[u8]) -> Result<Request, ReadError> {
    let route = recognise(b"POST", path.as_bytes(), b"").unwrap();
    Request::read(&route, content_type.as_bytes(), body).map(|request| request.expect("the path is certain"))
}

fn read(path: &str, body: &[u8]) -> Request {
    try_read(path, TYPE, body).unwrap_or_else(|e| panic!("{e}"))
}

fn field(name: &str, value: &str) -> Vec<u8> {
    format!("--X-1\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").into_bytes()
}

fn file(name: &str, content: &[u8]) -> Vec<u8> {
    let head = format!(
        "--X-1\r\nContent-Type: application/octet-stream\r\ncontent-disposition: form-data; filename=\"a.b\"; name={name}\r\n\r\n"
    );
    [head.as_bytes(), content, b"\r\n"].concat()
}

fn form(parts: &[Vec<u8>]) -> Vec<u8> {
    [parts.concat(), b"--X-1--\r\n".to_vec()].concat()
}

/// A second of WAV: 16,000 samples of 16 bits (the canonical 44 byte header).
fn wav() -> Vec<u8> {
    let mut wav =
        b"RIFF\x24\x7d\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x80\x3e\0\0\x00\x7d\0\0\x02\0\x10\0data\0\x7d\0\0"
            .to_vec();
    wav.resize(44 + 32_000, 0);
    wav
}

#[test]
fn a_transcription_is_read_without_its_recording() {
    let body = form(&[
        field("model", "gpt-4o-transcribe"),
        file("file", &wav()),
        field("prompt", "Names: Ada"),
        field("stream", "true"),
        field("temperature", "0.5"),
        field("timestamp_granularities[]", "word"),
        field("timestamp_granularities[]", "segment"),
    ]);
    let request = read(TRANSCRIBE, &body);
    assert_eq!(
        (request.model(), request.stream(), request.temperature()),
        ("gpt-4o-transcribe", true, Some(0.5))
    );
    assert_eq!((request.audio(), request.images(), request.files()), (1, 0, 0));
    // A second at ten tokens a second, bounded by the lowest bit rates: 32,044 bytes by 12 a token.
    assert!((10..5_000).contains(&request.prompt_bound()), "{}", request.prompt_bound());
    assert!(!request.can_be_limited());
    // 32,044 bytes at 32,000 a second.
    assert_eq!(request.audio_milliseconds(&body), 1002);
}

#[test]
fn edits_of_images_have_images_in_them() {
    let body = form(&[
        file("image[]", b"\x89PNG\r\n\x1a\n--X-1 is not a boundary\r\n--X-11\r\n"),
        file("image[]", b""),
        file("mask", b"\n\n"),
        field("prompt", "Make it blue"),
        field("model", "gpt-image-1"),
        field("n", "2"),
        field("user", "u-1"),
    ]);
    let request = read("/v1/images/edits", &body);
    assert_eq!((request.model(), request.images(), request.choices()), ("gpt-image-1", 3, 2));
    assert_eq!(request.user(&body).as_deref(), Some("u-1"));
}

#[test]
fn another_model_goes_into_its_field_and_every_other_byte_stays() {
    let of = |model: &str| form(&[file("file", &wav()), field("model", model), field("language", "en")]);
    let request = read(TRANSCRIBE, &of("gpt-4o-transcribe"));
    let edits = Rewrite { model: Some("whisper-1"), output_limit: Some(5), include_usage: true, trim: None };
    assert_eq!(request.rewrite(&of("gpt-4o-transcribe"), &edits), Some(of("whisper-1")));
}

#[test]
fn a_form_that_readers_could_read_differently_is_refused() {
    let refusal =
        |content_type: &str, body: &[u8]| try_read(TRANSCRIBE, content_type, body).unwrap_err().to_string();
    let twice = form(&[field("model", "whisper-1"), field("model", "gpt-4o-transcribe")]);
    assert_eq!(refusal(TYPE, &twice), "`model` is given more than once (byte 73)");
    let spelt = form(&[field("Model", "whisper-1")]);
    assert!(refusal(TYPE, &spelt).starts_with("`model` must be spelt exactly so"));
    // A part that only readers which take a bare LF as a line end would see.
    let hidden = form(&[
        field("model", "whisper-1"),
        field("prompt", "a\n--X-1\nContent-Disposition: form-data; name=\"model\"\n\nother\n--X-1"),
    ]);
    assert!(refusal(TYPE, &hidden).contains("`model` is given more than once"));
    let as_file = form(&[file("model", b"whisper-1")]);
    assert!(refusal(TYPE, &as_file).contains("`model` must be a value, not a file"));
    let list = form(&[field("model[]", "a"), field("model[]", "b")]);
    assert!(refusal(TYPE, &list).contains("`model` must be one value"));
    let missing = form(&[field("language", "en")]);
    assert!(refusal(TYPE, &missing).starts_with("`model` is missing"));
    for broken in [
        &b""[..],
        // The empty line is the boundary's, so the head has no end.
        b"--X-1\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\n--X-1--\r\n",
        // A lone CR ends a head to nobody, and no boundary follows one.
        b"--X-1\r\ncontent-disposition: form-data; name=\"model\"\r\n\rwhisper-1\r\n--X-1--\r\n",
        b"--X-1\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r--X-1--\r\n",
        b"--X-1",
        b"--X-1\r\n",
        b"--X-1\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1",
    ] {
        assert!(refusal(TYPE, broken).contains("not a form of this boundary"), "{broken:?}");
    }
    // Two boundaries, or none: it is not read as a form, and JSON it is not.
    for content_type in
        ["multipart/form-data; boundary=X-1; boundary=Y", "multipart/form-data", "application/json", ""]
    {
        assert!(
            refusal(content_type, &form(&[field("model", "whisper-1")])).contains("JSON"),
            "{content_type}"
        );
    }
}

#[test]
fn boundaries_may_be_quoted_and_parameters_come_in_any_order_and_case() {
    let body = form(&[field("model", "whisper-1")]);
    for content_type in [
        "multipart/form-data; boundary=\"X-1\"",
        "Multipart/Form-Data; charset=utf-8;BOUNDARY=X-1",
        "multipart/form-data;boundary= X-1 ",
    ] {
        assert_eq!(try_read(TRANSCRIBE, content_type, &body).unwrap().model(), "whisper-1", "{content_type}");
    }
}

#[test]
fn a_form_cut_or_damaged_anywhere_never_panics() {
    let body = form(&[field("model", "whisper-1"), file("file", b"\r\n--X-\r\n"), field("n", "1")]);
    for cut in 0..body.len() {
        let _ = try_read(TRANSCRIBE, TYPE, &body[..cut]);
        for byte in [b'\r', b'\n', b'-', b'"', b';', b'=', 0, 0xFF] {
            let mut damaged = body.clone();
            damaged[cut] = byte;
            let _ = try_read("/v1/images/edits", TYPE, &damaged);
        }
    }
    let many = form(&vec![field("x", "y"); 257]);
    assert!(
        try_read(TRANSCRIBE, TYPE, &many)
            .unwrap_err()
            .to_string()
            .starts_with("`the form` has more than 256")
    );
}
