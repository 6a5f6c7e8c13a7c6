//! Certificates: this server's own, and the authority that its clients' are checked against.

use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ServerConfig, WebPkiClientVerifier};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::rustls;

/// Where they are.
#[derive(Clone, Debug)]
pub struct Files {
    pub certificate: PathBuf,
    pub key: PathBuf,
    pub client_ca: Option<PathBuf>,
}

/// How each listener speaks TLS.
#[derive(Clone, Debug)]
pub struct Tls {
    /// Where there is a client CA, no one without a certificate comes in.
    pub grpc: Arc<ServerConfig>,
    /// Clients may do without a certificate, and come by a token: so do browsers, and probes of health.
    pub http: Arc<ServerConfig>,
}

impl Files {
    #[must_use]
    pub fn paths(&self) -> Vec<PathBuf> {
        [Some(&self.certificate), Some(&self.key), self.client_ca.as_ref()]
            .into_iter()
            .flatten()
            .cloned()
            .collect()
    }

    /// # Errors
    /// Which file can't be used, and why.
    pub fn read(&self) -> Result<Tls, String> {
        let grpc = self.config(true, b"h2")?;
        let http = self.config(false, b"http/1.1")?;
        Ok(Tls { grpc: Arc::new(grpc), http: Arc::new(http) })
    }

    fn config(&self, clients_must: bool, protocol: &[u8]) -> Result<ServerConfig, String> {
        let builder = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        let builder = match &self.client_ca {
            None => builder.with_no_client_auth(),
            Some(path) => {
                let roots = Arc::new(authorities(path)?);
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider());
                let verifier = if clients_must { verifier } else { verifier.allow_unauthenticated() };
                builder.with_client_cert_verifier(verifier.build().map_err(|error| of(path, &error))?)
            }
        };
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|error| of(&self.key, &error))?;
        let mut config =
            builder.with_single_cert(certificates(&self.certificate)?, key).map_err(|error| {
                format!("{} with {}: {error}", self.certificate.display(), self.key.display())
            })?;
        config.alpn_protocols = vec![protocol.to_vec()];
        Ok(config)
    }
}

/// The certificates of authorities in a PEM file.
///
/// # Errors
/// Why it can't be used.
pub fn authorities(path: &Path) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|error| of(path, &error))?;
    }
    Ok(roots)
}

/// Said explicitly, so that no other crate's wish for another one can make it ambiguous.
#[must_use]
pub fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let certificates = read.map_err(|error| of(path, &error))?;
    if certificates.is_empty() {
        return Err(of(path, &"no certificate in it (expected PEM: -----BEGIN CERTIFICATE-----)"));
    }
    Ok(certificates)
}

fn of(path: &Path, error: &dyn std::fmt::Display) -> String {
    format!("{}: {error}", path.display())
}
