//! Secrets that are only ever compared by their hash.

use sha2::{Digest, Sha256};
use std::fmt::Write;
use subtle::ConstantTimeEq;

/// A hash is safe to keep only of what nobody can guess: 32 hexadecimal digits are 128 bits.
const SHORTEST: usize = 32;

/// Longer ones are nobody's token.
const LONGEST: usize = 1024;

/// SHA-256 of a token.
#[derive(Clone, Copy, Debug)]
pub struct Hash([u8; 32]);

impl Hash {
    #[must_use]
    pub fn of(token: &str) -> Hash {
        Hash(Sha256::digest(token.as_bytes()).into())
    }

    /// Reads 64 hexadecimal digits.
    #[must_use]
    pub fn read(hex: &str) -> Option<Hash> {
        let mut hash = [0; 32];
        if hex.len() != 64 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        for (at, byte) in hash.iter_mut().enumerate() {
            *byte = u8::from_str_radix(hex.get(2 * at..2 * at + 2)?, 16).ok()?;
        }
        Some(Hash(hash))
    }

    #[must_use]
    pub fn hex(&self) -> String {
        hex(&self.0)
    }

    /// Takes as long whatever the difference.
    #[must_use]
    pub fn is(&self, other: &Hash) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

/// A new token.
///
/// # Errors
/// Where the system has no randomness to give.
pub fn make() -> Result<String, String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| format!("no random numbers from the system: {error}"))?;
    Ok(hex(&bytes))
}

/// # Errors
/// Why it can't be a token.
pub fn check(token: &str) -> Result<(), String> {
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("a token holds ASCII letters, digits and signs only".to_owned());
    }
    if !(SHORTEST..=LONGEST).contains(&token.len()) {
        return Err(format!(
            "a token has from {SHORTEST} to {LONGEST} characters, this one {} (`tollkeeper token` makes one)",
            token.len()
        ));
    }
    Ok(())
}

/// What follows `Bearer ` in an `authorization` header.
#[must_use]
pub fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String has no way to fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    // The example of FIPS 180-2, appendix B.1.
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn hashes_are_sha_256_in_hexadecimal() {
        assert_eq!(Hash::of("abc").hex(), ABC);
        assert!(Hash::read(&ABC.to_uppercase()).unwrap().is(&Hash::of("abc")));
        assert!(!Hash::read(ABC).unwrap().is(&Hash::of("abd")));
        for wrong in ["", &ABC[1..], &format!("{ABC}0"), &ABC.replace('b', "g"), &"é".repeat(32)] {
            assert!(Hash::read(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn new_tokens_are_good_and_differ() {
        let (one, other) = (make().unwrap(), make().unwrap());
        assert_ne!(one, other);
        assert_eq!(check(&one), Ok(()));
        assert!(check("secret").unwrap_err().contains("this one 6"));
        assert!(check(&format!("{one}\n")).is_err());
    }

    #[test]
    fn bearer_is_written_as_one_likes() {
        assert_eq!(bearer("bearer abc"), Some("abc"));
        assert_eq!(bearer("Basic abc"), None);
        assert_eq!(bearer("abc"), None);
    }
}
