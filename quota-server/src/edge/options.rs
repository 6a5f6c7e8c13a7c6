//! What the command line says of certificates, tokens and roles, and what it must say before a listener is open to other
//! machines.

use super::access::{Access, Caller, Role, SharedTokens};
use super::tls::{Files, Tls};
use super::token;
use crate::live_file::LiveFiles;
use std::net::SocketAddr;
use std::path::PathBuf;

#[derive(Clone, Debug, Default, clap::Args)]
pub struct Options {
    /// This server's certificate and those between it and its authority, PEM: both listeners then speak TLS only.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// The certificate's private key, PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Mutual TLS: the authorities that clients' certificates come from, PEM. gRPC then takes no client without one; over
    /// HTTP a certificate makes a viewer.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub client_ca: Option<PathBuf>,
    /// Tokens, one a line, of which each gRPC client has to present one: `authorization: Bearer TOKEN`.
    #[arg(long, value_name = "FILE")]
    pub grpc_token_file: Option<PathBuf>,
    /// Who may do what over HTTP: a file of token hashes with names and roles (see `tollkeeper token`).
    #[arg(long, value_name = "FILE")]
    pub access: Option<PathBuf>,
    /// Take tokens from other machines without TLS: only where something else encrypts, such as a mesh.
    #[arg(long)]
    pub insecure_tokens: bool,
}

/// Who may come in. Each file is read again when it has changed.
#[derive(Debug)]
pub struct Edge {
    pub tls: Option<LiveFiles<Tls>>,
    tokens: Option<LiveFiles<SharedTokens>>,
    access: Option<LiveFiles<Access>>,
    client_certificates: bool,
}

/// Why somebody was turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stranger {
    /// Shows no token.
    Unnamed,
    /// Shows one that nobody has.
    Unknown,
}

impl Edge {
    /// # Errors
    /// Which file can't be used and why, or which option is missing.
    pub fn open(options: &Options, grpc: SocketAddr, http: SocketAddr) -> Result<Edge, String> {
        options.enough_for("--grpc", grpc, "--grpc-token-file", options.grpc_token_file.is_some())?;
        options.enough_for("--http", http, "--access", options.access.is_some())?;
        let tls = match (&options.tls_cert, &options.tls_key) {
            (Some(certificate), Some(key)) => {
                let client_ca = options.client_ca.clone();
                let files = Files { certificate: certificate.clone(), key: key.clone(), client_ca };
                Some(LiveFiles::load(files.paths(), move || files.read())?)
            }
            _ => None,
        };
        let tokens = options
            .grpc_token_file
            .clone()
            .map(|path| LiveFiles::load(vec![path.clone()], move || SharedTokens::read(&path)));
        let access = options
            .access
            .clone()
            .map(|path| LiveFiles::load(vec![path.clone()], move || Access::read(&path)));
        Ok(Edge {
            tls,
            tokens: tokens.transpose()?,
            access: access.transpose()?,
            client_certificates: options.client_ca.is_some(),
        })
    }

    /// Reads what has changed, at once or when it rests; says in the log what came of it.
    pub fn refresh(&self, at_once: bool) {
        let certificates = self.tls.as_ref().and_then(|files| files.refresh(at_once));
        let tokens = self.tokens.as_ref().and_then(|files| files.refresh(at_once));
        let access = self.access.as_ref().and_then(|files| files.refresh(at_once));
        for (what, came_of_it) in
            [("certificates", certificates), ("gRPC tokens", tokens), ("access", access)]
        {
            match came_of_it {
                None => {}
                Some(Ok(())) => tracing::info!("{what}: read again"),
                Some(Err(problem)) => tracing::error!("{what}: what changed is not used: {problem}"),
            }
        }
    }

    /// Whether a gRPC client with this `authorization` may ask. (Its certificate has been seen to by TLS.)
    ///
    /// # Errors
    /// Why it may not.
    pub fn admit(&self, authorization: Option<&str>) -> Result<(), Stranger> {
        let Some(tokens) = &self.tokens else { return Ok(()) };
        let token = authorization.and_then(token::bearer).ok_or(Stranger::Unnamed)?;
        if tokens.current().has(token) { Ok(()) } else { Err(Stranger::Unknown) }
    }

    /// Who asks over HTTP. `certified`: by a certificate that the client CA vouches for.
    ///
    /// # Errors
    /// Why nobody we know.
    pub fn caller(&self, certified: bool, authorization: Option<&str>) -> Result<Caller, Stranger> {
        if let (Some(access), Some(shown)) = (&self.access, authorization) {
            let token = token::bearer(shown).ok_or(Stranger::Unnamed)?;
            return access.current().caller(token).cloned().ok_or(Stranger::Unknown);
        }
        if certified {
            return Ok(Caller { name: "certificate".to_owned(), role: Role::Viewer });
        }
        if self.access.is_none() && !self.client_certificates {
            // Only ever so on loopback: whoever is on this machine.
            return Ok(Caller { name: "local".to_owned(), role: Role::Admin });
        }
        Err(Stranger::Unnamed)
    }
}

impl Options {
    fn enough_for(&self, option: &str, at: SocketAddr, tokens: &str, has_tokens: bool) -> Result<(), String> {
        let local = SocketAddr::new([127, 0, 0, 1].into(), at.port());
        if at.ip().is_loopback() || self.client_ca.is_some() {
            return Ok(());
        }
        if !has_tokens {
            return Err(format!(
                "{option} {at}: other machines could connect, and nothing says who may. Give {tokens} FILE (tokens) or \
                 --client-ca FILE (mutual TLS), both with --tls-cert and --tls-key; or listen on {local}"
            ));
        }
        if self.tls_cert.is_none() && !self.insecure_tokens {
            return Err(format!(
                "{option} {at}: tokens could be read on their way here. Give --tls-cert and --tls-key; or, where \
                 something else encrypts (a mesh), --insecure-tokens; or listen on {local}"
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &str = "0.0.0.0:9090";

    fn refusal(options: &Options, grpc: &str, http: &str) -> Option<String> {
        // What comes after is about the files, which are not there.
        let why = Edge::open(options, grpc.parse().unwrap(), http.parse().unwrap()).err();
        why.filter(|why| why.starts_with("--"))
    }

    #[test]
    fn loopback_needs_nothing() {
        assert_eq!(refusal(&Options::default(), "127.0.0.1:0", "[::1]:0"), None);
    }

    #[test]
    fn beyond_it_each_listener_needs_to_know_its_clients_and_says_what_helps() {
        let file = || Some(PathBuf::from("x"));
        let why = refusal(&Options::default(), ALL, "127.0.0.1:0").unwrap();
        assert!(why.starts_with("--grpc 0.0.0.0:9090: ") && why.contains("--grpc-token-file"), "{why}");
        assert!(why.contains("--client-ca") && why.contains("127.0.0.1:9090"), "{why}");
        let why = refusal(&Options::default(), "127.0.0.1:0", "192.0.2.1:1").unwrap();
        assert!(why.starts_with("--http 192.0.2.1:1: ") && why.contains("--access"), "{why}");

        let tls = Options { tls_cert: file(), tls_key: file(), ..Options::default() };
        assert!(refusal(&tls, ALL, "127.0.0.1:0").is_some(), "encryption alone knows nobody");

        let tokens = Options { grpc_token_file: file(), ..Options::default() };
        let why = refusal(&tokens, ALL, "127.0.0.1:0").unwrap();
        assert!(why.contains("--tls-cert") && why.contains("--insecure-tokens"), "{why}");
        assert!(refusal(&tokens, "127.0.0.1:0", ALL).unwrap().contains("--access"), "each by itself");

        let mutual = Options { client_ca: file(), ..tls.clone() };
        let tokens_in_tls = Options { grpc_token_file: file(), access: file(), ..tls };
        let in_a_mesh = Options { insecure_tokens: true, access: file(), ..tokens };
        for enough in [mutual, tokens_in_tls, in_a_mesh] {
            assert_eq!(refusal(&enough, ALL, ALL), None);
        }
    }
}
