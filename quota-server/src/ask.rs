//! Asking a running server over HTTP.

use clap::Args;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::http::request::Builder;
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use quota_server::edge::{tls, token};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use serde_json::Value;
use std::fmt::Display;
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, rustls};

/// How long the server may be silent; copying its store before the first byte is the longest.
const PATIENCE: Duration = Duration::from_secs(120);

const TOKEN: &str = "TOLLKEEPER_TOKEN";

/// Characters of a refusal; ours are shorter.
const LONGEST_REASON: usize = 500;

type Sender = SendRequest<Full<Bytes>>;

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
    /// As [`Server::ask`]; with how to ask again, where it may be done all the same.
    pub(crate) fn tell(&self, path: &[&str], key: &str, body: &Value) -> Result<Value, String> {
        let path: String = path.iter().map(|part| format!("/{}", escape(part))).collect();
        wait(async {
            let request = Request::post(path).header("idempotency-key", key);
            let (sender, request) = self.prepare(request, Bytes::from(body.to_string())).await?;
            let again = |problem: String| format!("{problem}\nTo try again: --key {key}");
            let response = self.exchange(sender, request).await.map_err(again)?;
            if response.status().is_client_error() {
                return self.json(self.good(response).await?).await;
            }
            self.json(self.good(response).await.map_err(again)?).await.map_err(again)
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
            let mut to = File::create_new(file).map_err(|error| match error.kind() {
                ErrorKind::AlreadyExists => {
                    format!("{}: there is something already, and a backup replaces nothing", file.display())
                }
                _ => of_file(error),
            })?;
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
        let (sender, request) = self.prepare(request, body).await?;
        self.good(self.exchange(sender, request).await?).await
    }

    /// The connection, and what is to be sent over it.
    async fn prepare(&self, request: Builder, body: Bytes) -> Result<(Sender, Request<Full<Bytes>>), String> {
        let uri: Uri = self.server.parse().map_err(|error| self.failed(&format!("{error}")))?;
        let authority = uri.authority().ok_or_else(|| self.failed(&"expected http://HOST:PORT"))?;
        let mut request = request.header("host", authority.as_str());
        if let Some(token) = self.token()? {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(Full::new(body)).map_err(|error| self.failed(&error))?;
        Ok((self.in_time(self.connect(&uri)).await??, request))
    }

    async fn exchange(
        &self,
        mut sender: Sender,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, String> {
        let answer = self.in_time(sender.send_request(request)).await?;
        answer.map_err(|error| {
            self.failed(&format!(
                "no answer in HTTP: {error} (the address to ask is the server's --http, and https://… where it has a \
                 --tls-cert)"
            ))
        })
    }

    /// The body of an answer, if it is a good one.
    async fn good(&self, response: Response<Incoming>) -> Result<Incoming, String> {
        let status = response.status();
        if status.is_success() {
            return Ok(response.into_body());
        }
        let body =
            self.in_time(response.into_body().collect()).await?.map_err(|error| self.failed(&error))?;
        let hint = if status == 401 { format!(" (--token-file FILE, or {TOKEN})") } else { String::new() };
        let said = String::from_utf8_lossy(&body.to_bytes()).trim_end().to_owned();
        // Whatever listens there, if it is not ours.
        let said: String = said.chars().take(LONGEST_REASON).collect();
        Err(self.failed(&format!("{status}: {said}{hint}")))
    }

    async fn in_time<T>(&self, answer: impl Future<Output = T>) -> Result<T, String> {
        tokio::time::timeout(PATIENCE, answer).await.map_err(|_| self.failed(&"no answer"))
    }

    async fn connect(&self, uri: &Uri) -> Result<Sender, String> {
        let encrypted = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(self.failed(&"expected http://HOST:PORT or https://HOST:PORT")),
        };
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let port = uri.port_u16().unwrap_or(if encrypted { 443 } else { 80 });
        let stream = TcpStream::connect((host.as_str(), port)).await.map_err(|error| {
            self.failed(&format!(
                "{error} (does `tollkeeper serve` run there, with this as its --http? --server URL asks another)"
            ))
        })?;
        if !encrypted {
            return self.speak(stream).await;
        }
        let ca = self.ca.as_deref().ok_or_else(|| {
            self.failed(&"https needs --ca FILE, such as /etc/ssl/certs/ca-certificates.crt")
        })?;
        let name = ServerName::try_from(host).map_err(|error| self.failed(&error))?;
        let connector = TlsConnector::from(Arc::new(trusting(ca)?));
        let encrypted = connector.connect(name, stream).await;
        self.speak(encrypted.map_err(|error| self.failed(&of_tls(&error.to_string())))?).await
    }

    async fn speak(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ) -> Result<Sender, String> {
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

/// Adds what to do where the library's words say what is wrong and not how it comes about.
fn of_tls(error: &str) -> String {
    if error.contains("CaUsedAsEndEntity") {
        format!(
            "{error} (an authority's certificate can't be the server's own, too: let it sign one, or make one with \
             `openssl req -x509 -addext basicConstraints=critical,CA:FALSE …`)"
        )
    } else {
        error.to_owned()
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::io::Read;
    use std::net::TcpListener;

    fn server(at: &str) -> Server {
        Server { server: format!("http://{at}"), ca: None, token_file: None }
    }

    /// What a command says of a change that is asked for where `answer` is all that comes back.
    fn told(answer: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap().to_string();
        let answering = std::thread::spawn(move || {
            let (mut client, _) = listener.accept().unwrap();
            let _ = client.read(&mut [0; 4096]).unwrap();
            client.write_all(answer.as_bytes()).unwrap();
        });
        let problem = server(&at).tell(&["v1"], "k1", &json!({})).unwrap_err();
        answering.join().unwrap();
        problem
    }

    const AGAIN: &str = "\nTo try again: --key k1";

    #[test]
    fn a_change_that_was_refused_is_not_to_be_tried_again_and_one_that_may_be_made_is() {
        let refused = told("HTTP/1.1 400 Bad Request\r\ncontent-length: 4\r\n\r\nno.\n");
        assert!(refused.ends_with(": 400 Bad Request: no."), "{refused}");
        let failed = told("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 4\r\n\r\nno.\n");
        assert!(failed.ends_with(AGAIN), "{failed}");
        let cut_short = told("HTTP/1.1 200 OK\r\ncontent-length: 40\r\n\r\n{");
        assert!(cut_short.ends_with(AGAIN), "{cut_short}");
    }

    #[test]
    fn what_is_no_server_of_ours_is_said_with_what_to_ask_instead() {
        let other = told("\x15\x03\x03\x00\x02\x02\x32");
        assert!(other.contains("no answer in HTTP") && other.contains("--http"), "{other}");
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let nobody = server(&free).ask("/v1/usage", &[]).unwrap_err();
        assert!(
            nobody.contains("Connection refused") && nobody.contains("does `tollkeeper serve` run there"),
            "{nobody}"
        );
        let nobody = server(&free).tell(&["v1"], "k1", &json!({})).unwrap_err();
        assert!(!nobody.contains(AGAIN), "{nobody}");
    }
}
