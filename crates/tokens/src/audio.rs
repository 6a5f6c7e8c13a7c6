//! What a recording costs: how long it is, from its header and its length, times a rate.

/// Tokens of a recording, by the providers' guides: OpenAI counts ten a second ("Audio", "Managing costs" of the realtime
/// guide, 2025), Gemini 32 ("Audio understanding", 2025; recorded: 27 on Vertex).
#[must_use]
pub const fn audio_tokens(milliseconds: u64, per_second: u16) -> u64 {
    milliseconds.saturating_mul(per_second as u64).div_ceil(1000)
}

/// Bytes a second where nothing is known of the format: MP3 at 128 kbit/s, what most tools write.
const USUAL_BYTES_PER_SECOND: u64 = 16_000;

/// How long a recording of `length` bytes is, in milliseconds: from the header of a WAV or an MP3 file, else as if it
/// were an MP3 of the usual bit rate. `byte` gives its bytes by their position.
#[must_use]
pub fn audio_milliseconds(length: usize, byte: impl Fn(usize) -> Option<u8>) -> u64 {
    let rate = wav_bytes_per_second(&byte)
        .or_else(|| mp3_bytes_per_second(&byte))
        // PCM at the lowest rate is 4 kB a second, at 192 kHz in eight channels of 32 bits 6 MB.
        .filter(|rate| (500..=8_000_000).contains(rate))
        .unwrap_or(USUAL_BYTES_PER_SECOND);
    (length as u64).saturating_mul(1000).div_ceil(rate.max(1))
}

/// `nAvgBytesPerSec` of a WAV file whose format chunk comes first, as nearly all have it.
fn wav_bytes_per_second(byte: &impl Fn(usize) -> Option<u8>) -> Option<u64> {
    let at = |start: usize| {
        Some([
            byte(start)?,
            byte(start.checked_add(1)?)?,
            byte(start.checked_add(2)?)?,
            byte(start.checked_add(3)?)?,
        ])
    };
    let is_wav = at(0)? == *b"RIFF" && at(8)? == *b"WAVE" && at(12)? == *b"fmt ";
    is_wav.then(|| at(28)).flatten().map(|rate| u64::from(u32::from_le_bytes(rate)))
}

/// The bit rate of an MP3 file's first frame (ISO 11172-3 and 13818-3), after its ID3 tag.
fn mp3_bytes_per_second(byte: &impl Fn(usize) -> Option<u8>) -> Option<u64> {
    const MPEG_1: [u16; 16] = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0];
    const MPEG_2: [u16; 16] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0];
    let mut start = 0usize;
    if [byte(0)?, byte(1)?, byte(2)?] == *b"ID3" {
        // Four times seven bits, without the tag's own header of ten bytes.
        for at in 6..10 {
            start = start.checked_mul(128)?.checked_add(usize::from(byte(at)? & 0x7F))?;
        }
        start = start.checked_add(10)?;
    }
    // Some writers pad after the tag.
    let frame = (start..start.checked_add(4096)?).find(|at| {
        let next = at.saturating_add(1);
        // Sync, any version but the reserved one, layer III.
        byte(*at) == Some(0xFF) && byte(next).is_some_and(|b| b & 0xE6 == 0xE2 && b & 0x18 != 0x08)
    })?;
    let version = byte(frame.checked_add(1)?)? & 0x18;
    let table = if version == 0x18 { MPEG_1 } else { MPEG_2 };
    let kbit = table.get(usize::from(byte(frame.checked_add(2)?)? >> 4)).copied()?;
    (kbit > 0).then(|| u64::from(kbit).saturating_mul(125))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn milliseconds(bytes: &[u8]) -> u64 {
        audio_milliseconds(bytes.len(), |at| bytes.get(at).copied())
    }

    #[test]
    fn a_wav_file_is_as_long_as_its_byte_rate_says() {
        let mut wav =
            std::vec::Vec::from(*b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\xC0\x5D\0\0\x80\xBB\0\0");
        wav.resize(48_000 * 3, 0); // 24 kHz, 16 bits: 48,000 bytes a second
        assert_eq!(milliseconds(&wav), 3_000);
        assert_eq!(audio_tokens(3_000, 10), 30);
    }

    #[test]
    fn an_mp3_file_is_as_long_as_its_first_frames_bit_rate_says() {
        let mut mp3 = std::vec::Vec::from(*b"ID3\x04\0\0\0\0\0\x23");
        mp3.resize(10 + 0x23, 0);
        mp3.extend([0xFF, 0xFB, 0x90, 0x64]); // MPEG-1 layer III, 128 kbit/s
        mp3.resize(32_000, 0);
        assert_eq!(milliseconds(&mp3), 2_000);
    }

    #[test]
    fn anything_else_has_some_length_and_never_panics() {
        let mut seed = 3u32;
        for length in 0..5_000 {
            let bytes: std::vec::Vec<u8> = (0..length % 300)
                .map(|_| {
                    seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    if seed >> 30 == 0 { 0xFF } else { (seed >> 16) as u8 }
                })
                .collect();
            assert!(milliseconds(&bytes) <= 600);
        }
        assert!(audio_milliseconds(usize::MAX, |_| Some(0xFF)) > 0);
    }
}
