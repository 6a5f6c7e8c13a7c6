//! How records lie in shared data: as words of 64 bits, of which the last says which kind and layout of record it is.

/// `SIZE` is eight times `WORDS`.
pub(crate) fn to_bytes<const WORDS: usize, const SIZE: usize>(words: [u64; WORDS]) -> [u8; SIZE] {
    let mut bytes = [0; SIZE];
    for (chunk, word) in bytes.chunks_exact_mut(8).zip(words) {
        chunk.copy_from_slice(&word.to_le_bytes());
    }
    bytes
}

/// `None` for any other number of words.
pub(crate) fn from_bytes<const WORDS: usize>(bytes: &[u8]) -> Option<[u64; WORDS]> {
    let (words, rest) = bytes.as_chunks::<8>();
    let words: &[[u8; 8]; WORDS] = words.try_into().ok().filter(|_| rest.is_empty())?;
    Some(words.map(u64::from_le_bytes))
}
