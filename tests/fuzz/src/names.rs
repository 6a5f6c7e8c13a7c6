//! Paths, hosts and header values, as clients may spell them.

use crate::Target;
use crate::seeds::Seeds;
use wire::{Api, Decoder, MeterOptions, ResponseHead, ResponseMeter, Route, recognise};

pub(crate) fn targets(seeds: &Seeds) -> Vec<Target> {
    let mut paths: Vec<Vec<u8>> = [
        "/v1/chat/completions",
        "/openai/deployments/gpt%2D4o/chat/completions?api-version=2024-10-21",
        "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
        "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fus.anthropic.claude/converse-stream",
        "/a/../v1//./messages;x=y/",
        "/serving-endpoints/m/invocations#f",
    ]
    .map(|path| path.as_bytes().to_vec())
    .into();
    paths.extend(seeds.paths.iter().step_by(9).cloned());
    let hosts = [
        "api.openai.com:443",
        "a.openai.azure.com",
        "bedrock-runtime.us-east-1.amazonaws.com",
        "[::1]:80",
        "",
    ];
    let values = [
        "text/event-stream; charset=utf-8",
        "application/vnd.amazon.eventstream",
        "multipart/form-data; boundary=\"a b\"",
        "gzip, br, identity",
        "x, , zstd",
    ];
    let bytes = |texts: &[&str]| texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    vec![
        Target { name: "names/path".into(), seeds: paths, check: Box::new(check_path) },
        Target { name: "names/host".into(), seeds: bytes(&hosts), check: Box::new(check_host) },
        Target { name: "names/header".into(), seeds: bytes(&values), check: Box::new(check_header) },
    ]
}

fn check_path(path: &[u8]) {
    let found = recognise(b"POST", path, b"");
    for api in Api::ALL {
        assert_eq!(Route::forced(api, path, b"").api, api);
    }
    let Some(route) = found else { return };
    assert!(recognise(b"GET", path, b"").is_none());
    for model in ["gpt-4o", "us.anthropic.claude-v1:0", "a b%é"] {
        let Some(changed) = route.path_with_model(path, model) else {
            assert!(route.model.is_none(), "a model that can't be changed");
            continue;
        };
        let again = recognise(b"POST", &changed, b"").map(|again| (again.api, again.model));
        assert_eq!(again, Some((route.api, Some(model.to_owned()))), "{}", String::from_utf8_lossy(&changed));
    }
}

fn check_host(host: &[u8]) {
    for path in [&b"/v1/chat"[..], b"/v1/messages", b"/api/chat"] {
        // The host never makes a call unmetered.
        assert!(recognise(b"POST", path, host).is_some());
    }
}

fn check_header(value: &[u8]) {
    let header = |_: &str| Some(value);
    for api in Api::ALL {
        let head = ResponseHead { status: 200, header: &header };
        let mut meter = ResponseMeter::new(api, &head, MeterOptions { strip_usage: true });
        meter.feed(b"data: {\"usage\":{}}\n\n", false);
        meter.release();
        let route = Route::forced(api, b"/", value);
        let _ = wire::Request::read(&route, value, b"--a b\r\n\r\n{}\r\n--a b--")
            .map_err(|error| error.to_string());
    }
    if let Some(mut decoder) = Decoder::new(value) {
        decoder.feed(b"\x1f\x8b\x08", &mut |_| {});
        decoder.finish(&mut |_| {});
    }
    let _ = Api::named(&String::from_utf8_lossy(value));
}
