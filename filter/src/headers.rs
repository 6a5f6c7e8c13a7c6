//! All headers of a message, as the host hands them over at once.

/// A header map in the ABI's form: the number of pairs, the sizes of all names and values, then each of them ended by
/// a zero byte. Read in place; names and values are bytes, for clients send what they like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderMap(Vec<u8>);

impl HeaderMap {
    #[must_use]
    pub fn new(serialized: Vec<u8>) -> HeaderMap {
        HeaderMap(serialized)
    }

    /// The form that [`HeaderMap::get`] reads.
    #[must_use]
    pub fn serialize<'a>(pairs: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone) -> Vec<u8> {
        let word = |number: usize| u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes();
        let mut bytes = Vec::from(word(pairs.clone().count()));
        for (name, value) in pairs.clone() {
            bytes.extend(word(name.len()));
            bytes.extend(word(value.len()));
        }
        for (name, value) in pairs {
            bytes.extend(name);
            bytes.push(0);
            bytes.extend(value);
            bytes.push(0);
        }
        bytes
    }

    /// The first value of a header, by its lower-case name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        let (count, mut rest) = self.0.split_first_chunk::<4>()?;
        let count = usize::try_from(u32::from_le_bytes(*count)).ok()?;
        let mut data = rest.get(count.checked_mul(8)?..)?;
        for _ in 0..count {
            let (name_size, value_size);
            (name_size, rest) = rest.split_first_chunk::<4>()?;
            (value_size, rest) = rest.split_first_chunk::<4>()?;
            let found;
            (found, data) = text(data, *name_size)?;
            let value;
            (value, data) = text(data, *value_size)?;
            if found == name.as_bytes() {
                return Some(value);
            }
        }
        None
    }
}

/// A text of a known size and the zero byte behind it, and what follows them.
fn text(data: &[u8], size: [u8; 4]) -> Option<(&[u8], &[u8])> {
    let (text, rest) = data.split_at_checked(usize::try_from(u32::from_le_bytes(size)).ok()?)?;
    Some((text, rest.get(1..)?))
}

#[cfg(test)]
mod tests {
    use super::HeaderMap;
    use proptest::prelude::*;

    #[test]
    fn values_are_found_by_name_and_the_first_one_counts() {
        let pairs: [(&[u8], &[u8]); 4] =
            [(b":path", b"/v1"), (b"empty", b""), (b"x", b"1\x00\xff"), (b"x", b"2")];
        let map = HeaderMap::new(HeaderMap::serialize(pairs.into_iter()));
        assert_eq!(map.get(":path"), Some(b"/v1".as_slice()));
        assert_eq!(map.get("empty"), Some(b"".as_slice()));
        assert_eq!(map.get("x"), Some(b"1\x00\xff".as_slice()));
        assert_eq!(map.get("y"), None);
        assert_eq!(HeaderMap::default().get("x"), None);
    }

    proptest! {
        #[test]
        fn no_bytes_are_read_out_of_bounds(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = HeaderMap::new(bytes).get("x");
        }
    }
}
