//! Requests that their clients have signed: what is signed can't be changed on the way.

/// What a client's signature covers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Signature {
    pub(crate) covers_body: bool,
    /// Whether the `accept-encoding` header is signed, as some of AWS's SDKs do.
    pub(crate) covers_encodings: bool,
}

impl Signature {
    /// By the `authorization` header. AWS's (Signature Version 4 and 4A) is the only one that providers of models use; it
    /// covers the path, a hash of the body, and the headers that it names. Bedrock's API keys are no signatures.
    pub(crate) fn of(authorization: &[u8]) -> Option<Signature> {
        let fields = authorization.strip_prefix(b"AWS4-")?;
        let mark = b"SignedHeaders=".as_slice();
        let start = fields.windows(mark.len()).position(|window| window == mark)?.checked_add(mark.len())?;
        let signed = fields.get(start..)?.split(|byte| *byte == b',').next()?;
        let covers_encodings = signed.split(|byte| *byte == b';').any(|name| name == b"accept-encoding");
        Some(Signature { covers_body: true, covers_encodings })
    }
}

#[cfg(test)]
mod tests {
    use super::Signature;

    #[test]
    fn awss_signatures_are_known_and_nothing_else() {
        let of = |headers: &str| {
            let authorization = format!(
                "AWS4-HMAC-SHA256 Credential=AKID/20261124/us-east-1/bedrock/aws4_request, \
                 SignedHeaders={headers}, Signature=5d67"
            );
            Signature::of(authorization.as_bytes())
        };
        let signature = |covers_encodings| Some(Signature { covers_body: true, covers_encodings });
        assert_eq!(of("content-type;host;x-amz-date"), signature(false));
        assert_eq!(of("accept-encoding;host;x-amz-date"), signature(true));
        assert_eq!(Signature::of(b"Bearer AWS4-SignedHeaders=x"), None);
        assert_eq!(Signature::of(b""), None);
    }
}
