//! Asking a running server over HTTP.

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::time::Duration;
use tokio::net::TcpStream;

const PATIENCE: Duration = Duration::from_secs(30);

/// # Errors
/// Why there is no answer, or what the server answered instead of JSON.
pub(crate) fn ask(server: &str, path: &str, query: &[(&str, &str)]) -> Result<Value, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let asked = runtime.block_on(async { tokio::time::timeout(PATIENCE, get(server, path, query)).await });
    asked.map_err(|_| format!("{server}: no answer"))?
}

async fn get(server: &str, path: &str, query: &[(&str, &str)]) -> Result<Value, String> {
    let failed = |error: &dyn std::fmt::Display| format!("{server}: {error}");
    let uri: Uri = server.parse().map_err(|error: hyper::http::uri::InvalidUri| failed(&error))?;
    if uri.scheme_str() != Some("http") {
        return Err(failed(&"expected http://HOST:PORT"));
    }
    let authority = uri.authority().ok_or_else(|| failed(&"expected http://HOST:PORT"))?;
    let address = (authority.host().trim_matches(['[', ']']), authority.port_u16().unwrap_or(80));
    let stream = TcpStream::connect(address).await.map_err(|error| failed(&error))?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| failed(&error))?;
    tokio::spawn(connection);

    let query: Vec<String> = query.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect();
    let request = Request::get(format!("{path}?{}", query.join("&")))
        .header("host", authority.as_str())
        .body(Empty::<Bytes>::new())
        .map_err(|error| failed(&error))?;
    let response = sender.send_request(request).await.map_err(|error| failed(&error))?;
    let status = response.status();
    let body = response.into_body().collect().await.map_err(|error| failed(&error))?.to_bytes();
    if !status.is_success() {
        return Err(failed(&format!("{status}: {}", String::from_utf8_lossy(&body).trim_end())));
    }
    serde_json::from_slice(&body).map_err(|error| failed(&error))
}

/// Percent-encoding of all but unreserved characters (RFC 3986, section 2.3).
fn escape(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(byte).collect()
}
