//! Asking a running server over HTTP.

use clap::Args;
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use quota_server::edge::{tls, token};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use serde_json::Value;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, rustls};

const PATIENCE: Duration = Duration::from_secs(30);

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
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let asked = runtime.block_on(async { tokio::time::timeout(PATIENCE, self.get(path, query)).await });
        asked.map_err(|_| self.failed(&"no answer"))?
    }

    async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Value, String> {
        let uri: Uri = self.server.parse().map_err(|error| self.failed(&format!("{error}")))?;
        let authority = uri.authority().ok_or_else(|| self.failed(&"expected http://HOST:PORT"))?;
        let query: Vec<String> =
            query.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect();
        let mut request =
            Request::get(format!("{path}?{}", query.join("&"))).header("host", authority.as_str());
        if let Some(token) = self.token()? {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(Empty::<Bytes>::new()).map_err(|error| self.failed(&error))?;
        let response =
            self.connect(&uri).await?.send_request(request).await.map_err(|error| self.failed(&error))?;
        let status = response.status();
        let body = response.into_body().collect().await.map_err(|error| self.failed(&error))?.to_bytes();
        if !status.is_success() {
            let hint =
                if status == 401 { format!(" (--token-file FILE, or {TOKEN})") } else { String::new() };
            return Err(
                self.failed(&format!("{status}: {}{hint}", String::from_utf8_lossy(&body).trim_end()))
            );
        }
        serde_json::from_slice(&body).map_err(|error| self.failed(&error))
    }

    async fn connect(&self, uri: &Uri) -> Result<SendRequest<Empty<Bytes>>, String> {
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
    ) -> Result<SendRequest<Empty<Bytes>>, String> {
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
