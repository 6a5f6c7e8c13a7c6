//! Asking a running server over HTTP.

use clap::Args;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::http::request::Builder;
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use quota_server::edge::{tls, token};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use serde_json::Value;
use std::fmt::Display;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, rustls};

/// How long the server may be silent; copying its store before the first byte is the longest.
const PATIENCE: Duration = Duration::from_secs(120);

const TOKEN: &str = "TOLLKEEPER_TOKEN";

/// The server to ask, and how.
#[derive(Args)]
pub(crate) struct Server {
    /// The server to ask.
    #[arg(long, default_value = "http://127.0.0.1:9091", value_name = "URL")]
    server: String,
    /// The authorities that its certificate comes from (PEM); https:// needs it.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// A file that holds the token to ask with; else the environment's TOLLKEEPER_TOKEN.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

impl Server {
    /// # Errors
    /// Why there is no answer, or what the server answered instead of JSON.
    pub(crate) fn ask(&self, path: &str, query: &[(&str, &str)]) -> Result<Value, String> {
        let query: Vec<String> =
            query.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect();
        wait(async {
            let request = Request::get(format!("{path}?{}", query.join("&")));
            self.json(self.send(request, Bytes::new()).await?).await
        })
    }

    /// Has something done, once: whoever asks again with the same key gets the same answer.
    ///
    /// # Errors
    /// As [`Server::ask`].
    pub(crate) fn tell(&self, path: &[&str], key: &str, body: &Value) -> Result<Value, String> {
        let path: String = path.iter().map(|part| format!("/{}", escape(part))).collect();
        wait(async {
            let request = Request::post(path).header("idempotency-key", key);
            self.json(self.send(request, Bytes::from(body.to_string())).await?).await
        })
    }

    async fn json(&self, body: Incoming) -> Result<Value, String> {
        let body = self.in_time(body.collect()).await?.map_err(|error| self.failed(&error))?;
        serde_json::from_slice(&body.to_bytes()).map_err(|error| self.failed(&error))
    }

    /// Writes what the server answers into a new file. Answers how many bytes.
    ///
    /// # Errors
    /// Why there is no answer, or not all of it; then there is no file.
    pub(crate) fn fetch(&self, path: &str, file: &Path) -> Result<u64, String> {
        let of_file = |error: std::io::Error| format!("{}: {error}", file.display());
        wait(async {
            let mut body = self.send(Request::post(path), Bytes::new()).await?;
            let mut written = 0;
            let mut to = File::create_new(file).map_err(of_file)?;
            let fetched = async {
                while let Some(frame) = self.in_time(body.frame()).await? {
                    let frame = frame.map_err(|error| self.failed(&error))?;
                    let piece = frame.data_ref().map_or(&[][..], |piece| piece);
                    to.write_all(piece).map_err(of_file)?;
                    written += piece.len() as u64;
                }
                to.sync_all().map_err(of_file)
            };
            match fetched.await {
                Ok(()) => Ok(written),
                Err(problem) => {
                    // Half of it would be taken for all; where even that fails, the problem is said all the same.
                    let _ = std::fs::remove_file(file);
                    Err(problem)
                }
            }
        })
    }

    /// The body of a good answer.
    async fn send(&self, request: Builder, body: Bytes) -> Result<Incoming, String> {
        let uri: Uri = self.server.parse().map_err(|error| self.failed(&format!("{error}")))?;
        let authority = uri.authority().ok_or_else(|| self.failed(&"expected http://HOST:PORT"))?;
        let mut request = request.header("host", authority.as_str());
        if let Some(token) = self.token()? {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(Full::new(body)).map_err(|error| self.failed(&error))?;
        let mut sender = self.in_time(self.connect(&uri)).await??;
        let response =
            self.in_time(sender.send_request(request)).await?.map_err(|error| self.failed(&error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response.into_body());
        }
        let body =
            self.in_time(response.into_body().collect()).await?.map_err(|error| self.failed(&error))?;
        let hint = if status == 401 { format!(" (--token-file FILE, or {TOKEN})") } else { String::new() };
        Err(self.failed(&format!("{status}: {}{hint}", String::from_utf8_lossy(&body.to_bytes()).trim_end())))
    }

    async fn in_time<T>(&self, answer: impl Future<Output = T>) -> Result<T, String> {
        tokio::time::timeout(PATIENCE, answer).await.map_err(|_| self.failed(&"no answer"))
    }

    async fn connect(&self, uri: &Uri) -> Result<SendRequest<Full<Bytes>>, String> {
        let encrypted = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(self.failed(&"expected http://HOST:PORT or https://HOST:PORT")),
        };
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let port = uri.port_u16().unwrap_or(if encrypted { 443 } else { 80 });
        let stream = TcpStream::connect((host.as_str(), port)).await.map_err(|error| self.failed(&error))?;
        if !encrypted {
            return self.speak(stream).await;
        }
        let ca = self.ca.as_deref().ok_or_else(|| {
            self.failed(&"https needs --ca FILE, such as /etc/ssl/certs/ca-certificates.crt")
        })?;
        let name = ServerName::try_from(host).map_err(|error| self.failed(&error))?;
        let connector = TlsConnector::from(Arc::new(trusting(ca)?));
        self.speak(connector.connect(name, stream).await.map_err(|error| self.failed(&error))?).await
    }

    async fn speak(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ) -> Result<SendRequest<Full<Bytes>>, String> {
        let (sender, connection) =
            handshake(TokioIo::new(stream)).await.map_err(|error| self.failed(&error))?;
        tokio::spawn(connection);
        Ok(sender)
    }

    fn token(&self) -> Result<Option<String>, String> {
        let token = match &self.token_file {
            Some(path) => {
                let text =
                    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
                text.trim().to_owned()
            }
            None => match std::env::var(TOKEN) {
                Ok(token) => token,
                Err(_) => return Ok(None),
            },
        };
        token::check(&token)?;
        Ok(Some(token))
    }

    fn failed(&self, error: &dyn Display) -> String {
        format!("{}: {error}", self.server)
    }
}

fn wait<T>(work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| error.to_string())?.block_on(work)
}

fn trusting(ca: &Path) -> Result<ClientConfig, String> {
    let builder = ClientConfig::builder_with_provider(tls::provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    Ok(builder.with_root_certificates(tls::authorities(ca)?).with_no_client_auth())
}

/// Percent-encoding of all but unreserved characters (RFC 3986, section 2.3).
fn escape(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(byte).collect()
}
