//! Certificates for tests, and an authority that vouches for them.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::path::{Path, PathBuf};

pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    home: PathBuf,
}

impl Authority {
    /// Its certificate is `NAME.pem` in `home`.
    pub fn new(home: &Path, name: &str) -> Authority {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        let issuer =
            CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("signed");
        std::fs::write(home.join(format!("{name}.pem")), issuer.pem()).expect("written");
        Authority { issuer, home: home.to_owned() }
    }

    /// The PEM of a certificate for `localhost` and its key; also as `NAME.pem` and `NAME.key`.
    pub fn certify(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
        let certificate = params.signed_by(&key, &self.issuer).expect("signed").pem();
        let write = |end: &str, text: &str| {
            std::fs::write(self.home.join(format!("{name}.{end}")), text).expect("written");
        };
        // The key first: the server may look between the two.
        write("key", &key.serialize_pem());
        write("pem", &certificate);
        (certificate, key.serialize_pem())
    }

    pub fn pem(&self) -> String {
        self.issuer.pem()
    }
}
