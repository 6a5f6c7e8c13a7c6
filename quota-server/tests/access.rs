//! Who is let in: certificates, tokens and roles, as clients meet them.

mod common;

use common::authority::Authority;
use common::{POLICY, Server, acquire, home, tollkeeper};
use quota_server::edge::token::Hash;
use quota_server::proto::quota::quota_client::QuotaClient;
use std::path::Path;
use std::process::Output;
use tonic::Code;
use tonic::service::Interceptor;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Identity};

const ENVOYS: &str = "0123456789abcdef0123456789abcdef";
const VIEWER: &str = "viewer-0123456789abcdef0123456789";

fn file(home: &Path, name: &str) -> String {
    home.join(name).display().to_string()
}

/// One with mutual TLS, a token for Envoys, and a viewer; its authority's certificate is `ours.pem`.
fn guarded(home: &Path) -> (Server, Authority) {
    let authority = Authority::new(home, "ours");
    authority.certify("server");
    std::fs::write(home.join("envoys"), ENVOYS).expect("written");
    let access = format!("tokens:\n  - {{ name: ann, role: viewer, sha256: {} }}\n", Hash::of(VIEWER).hex());
    std::fs::write(home.join("access.yaml"), access).expect("written");
    let (certificate, key) = (file(home, "server.pem"), file(home, "server.key"));
    let (envoys, access, ours) = (file(home, "envoys"), file(home, "access.yaml"), file(home, "ours.pem"));
    let options = [
        ["--tls-cert", &certificate],
        ["--tls-key", &key],
        ["--client-ca", &ours],
        ["--grpc-token-file", &envoys],
        ["--access", &access],
    ];
    (Server::start_with(home, &options.concat()), authority)
}

/// A gRPC connection to the server as `localhost`.
async fn connect(
    server: &Server,
    trusted: &str,
    identity: Option<(String, String)>,
) -> Result<Channel, String> {
    let mut tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(trusted));
    if let Some((certificate, key)) = identity {
        tls = tls.identity(Identity::from_pem(certificate, key));
    }
    let address = server.grpc.replace("http://127.0.0.1", "https://localhost");
    let endpoint = Channel::from_shared(address).expect("an address").tls_config(tls).expect("usable");
    endpoint.connect().await.map_err(|error| format!("{error:?}"))
}

fn with_token(token: &str) -> impl Interceptor + Clone {
    let value = format!("Bearer {token}").parse().expect("ASCII");
    move |mut request: tonic::Request<()>| {
        request.metadata_mut().insert("authorization", std::clone::Clone::clone(&value));
        Ok(request)
    }
}

#[tokio::test]
async fn grpc_takes_who_has_a_certificate_and_a_token() {
    let home = home(POLICY);
    let (server, ours) = guarded(home.path());
    let channel = connect(&server, &ours.pem(), Some(ours.certify("envoy"))).await.expect("a connection");
    let ask = || acquire(1, 1, "tenant-tokens", "acme", 5);

    let mut known = QuotaClient::with_interceptor(channel.clone(), with_token(ENVOYS));
    assert_eq!(known.acquire(ask()).await.expect("granted").into_inner().grants.len(), 1);
    let mut wrong = QuotaClient::with_interceptor(channel.clone(), with_token(VIEWER));
    assert_eq!(wrong.acquire(ask()).await.unwrap_err().code(), Code::Unauthenticated);
    let mut none = QuotaClient::new(channel);
    assert_eq!(none.acquire(ask()).await.unwrap_err().code(), Code::Unauthenticated);

    let metrics = asked(&server, home.path(), VIEWER, "/metrics");
    assert!(metrics.contains("tollkeeper_server_turned_away_total{listener=\"grpc\"} 2\n"), "{metrics}");
}

#[tokio::test]
async fn grpc_takes_nobody_without_a_certificate_of_the_client_ca() {
    let home = home(POLICY);
    let (server, ours) = guarded(home.path());
    let theirs = Authority::new(home.path(), "theirs");
    for identity in [None, Some(theirs.certify("stranger"))] {
        // TLS 1.3 tells a client only when it asks for something.
        if let Ok(channel) = connect(&server, &ours.pem(), identity).await {
            let mut client = QuotaClient::with_interceptor(channel, with_token(ENVOYS));
            let refused = client.acquire(acquire(1, 1, "tenant-tokens", "acme", 5)).await.unwrap_err();
            assert_ne!(refused.code(), Code::Unauthenticated, "TLS does not let it get so far");
        }
    }
    assert!(
        connect(&server, &theirs.pem(), Some(ours.certify("envoy"))).await.is_err(),
        "nor is it trusted by all"
    );
}

/// The answer to a GET over TLS, with its head; the server's certificate is checked.
fn asked(server: &Server, home: &Path, token: &str, path: &str) -> String {
    told(server, home, token, &format!("GET {path}"))
}

fn told(server: &Server, home: &Path, token: &str, what: &str) -> String {
    use std::io::{Read, Write};
    use tokio_rustls::rustls::{ClientConfig, ClientConnection, StreamOwned, pki_types::ServerName};
    let roots = quota_server::edge::tls::authorities(&home.join("ours.pem")).expect("an authority");
    let config = ClientConfig::builder_with_provider(quota_server::edge::tls::provider())
        .with_safe_default_protocol_versions()
        .expect("TLS")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    let connection = ClientConnection::new(std::sync::Arc::new(config), name).expect("TLS");
    let mut stream =
        StreamOwned::new(connection, std::net::TcpStream::connect(&server.http).expect("connected"));
    let token = if token.is_empty() { String::new() } else { format!("authorization: Bearer {token}\r\n") };
    write!(stream, "{what} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{token}\r\n").expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

#[tokio::test]
async fn http_tells_strangers_what_it_needs_and_leaves_health_open() {
    let home = home(POLICY);
    let (server, _) = guarded(home.path());
    let head = |token, path| asked(&server, home.path(), token, path).to_lowercase();
    for path in ["/healthz", "/readyz"] {
        assert!(head("", path).starts_with("http/1.1 200"), "{path}");
    }
    for path in ["/metrics", "/v1/usage", "/v1/budgets"] {
        let unnamed = head("", path);
        assert!(
            unnamed.starts_with("http/1.1 401") && unnamed.contains("www-authenticate: bearer"),
            "{unnamed}"
        );
        assert!(head(ENVOYS, path).contains("invalid_token"), "{path}: Envoys' token is none here");
        assert!(head(VIEWER, path).starts_with("http/1.1 200"), "{path}");
    }
    let refused = told(&server, home.path(), VIEWER, "POST /v1/backup");
    assert!(refused.starts_with("HTTP/1.1 403"), "{refused}");
    assert!(refused.ends_with("this needs the role admin; ann has viewer\n"), "{refused}");
    assert!(head(&Hash::of(VIEWER).hex(), "/v1/usage").starts_with("http/1.1 401"), "the hash is no token");
}

fn budgets(server: &Server, more: &[&str]) -> Output {
    let url = format!("https://{}", server.http.replace("127.0.0.1", "localhost"));
    tollkeeper(&["budgets", "--json", "--server", &url]).args(more).output().expect("runs")
}

#[tokio::test]
async fn the_command_line_asks_with_a_token_over_tls() {
    let home = home(POLICY);
    let (server, _) = guarded(home.path());
    std::fs::write(home.path().join("token"), format!("{VIEWER}\n")).expect("written");
    let (ours, token) = (file(home.path(), "ours.pem"), file(home.path(), "token"));
    let answer = budgets(&server, &["--ca", &ours, "--token-file", &token]);
    assert!(answer.status.success(), "{answer:?}");
    assert!(String::from_utf8_lossy(&answer.stdout).contains("policy_version"), "{answer:?}");

    for (options, words) in [
        (
            vec!["--ca", &ours],
            "401 Unauthorized: this needs a token: authorization: Bearer TOKEN (--token-file",
        ),
        (vec!["--token-file", &token], "https needs --ca FILE"),
        (vec!["--ca", &token, "--token-file", &token], "no certificate in it"),
        (vec!["--ca", &ours, "--token-file", "/missing"], "/missing: No such file"),
    ] {
        let refused = budgets(&server, &options);
        assert!(!refused.status.success());
        let why = String::from_utf8_lossy(&refused.stderr);
        assert!(why.contains(words), "{options:?}: {why}");
    }
}

#[tokio::test]
async fn a_changed_access_file_is_read_and_a_wrong_one_locks_nobody_out() {
    let home = home(POLICY);
    let (server, _) = guarded(home.path());
    let path = home.path().join("access.yaml");
    let status =
        |token| asked(&server, home.path(), token, "/v1/budgets").split(' ').nth(1).map(str::to_owned);
    let is = |status: Option<String>, code: &str| status.as_deref() == Some(code);

    std::fs::write(&path, "tokens: nonsense").expect("written");
    server.signal("HUP");
    // Nothing tells that it was refused but that this goes on.
    for _ in 0..10 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        assert!(is(status(VIEWER), "200"));
    }
    let access = format!("tokens:\n  - {{ name: bob, role: viewer, sha256: {} }}\n", Hash::of(ENVOYS).hex());
    std::fs::write(&path, access).expect("written");
    common::until("the change", async || is(status(ENVOYS), "200")).await;
    assert!(is(status(VIEWER), "401"), "ann is gone");
}

#[tokio::test]
async fn a_renewed_certificate_is_served_without_a_restart_and_a_broken_one_is_not() {
    let home = home(POLICY);
    let (server, ours) = guarded(home.path());
    std::fs::write(home.path().join("server.key"), "not a key").expect("written");
    server.signal("HUP");
    for _ in 0..10 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        assert!(asked(&server, home.path(), VIEWER, "/v1/budgets").starts_with("HTTP/1.1 200"));
    }
    let next = Authority::new(home.path(), "next");
    next.certify("server");
    let envoy = ours.certify("envoy");
    common::until("the new certificate", async || {
        connect(&server, &next.pem(), Some(envoy.clone())).await.is_ok()
    })
    .await;
    assert!(connect(&server, &ours.pem(), Some(envoy)).await.is_err(), "the old one is gone");
}

#[test]
fn it_does_not_listen_beyond_loopback_for_just_anybody() {
    let home = home(POLICY);
    let store = format!("sqlite:{}", file(home.path(), "store.db"));
    let policy = file(home.path(), "policy.yaml");
    let refused = tollkeeper(&["serve", "--policy", &policy, "--store", &store, "--grpc", "0.0.0.0:0"]);
    let refused = { refused }.output().expect("runs");
    assert!(!refused.status.success());
    let why = String::from_utf8_lossy(&refused.stderr);
    assert!(why.contains("--grpc 0.0.0.0:0") && why.contains("--grpc-token-file"), "{why}");
    assert!(!Path::new(&file(home.path(), "store.db")).exists(), "nothing is touched before that is clear");
}

#[test]
fn a_new_token_goes_to_stdout_and_its_entry_to_stderr() {
    let made = tollkeeper(&["token", "--name", "ann", "--role", "operator"]).output().expect("runs");
    let (token, entry) = (String::from_utf8_lossy(&made.stdout), String::from_utf8_lossy(&made.stderr));
    assert_eq!(
        entry,
        format!("  - {{ name: ann, role: operator, sha256: {} }}\n", Hash::of(token.trim()).hex())
    );
    assert!(!entry.contains(token.trim()));
}
