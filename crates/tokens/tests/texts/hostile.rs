//! Long texts that others take seconds for, or panic on: pieces without end.
#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing)] // A test.

pub(crate) const MEGABYTE: usize = 1 << 20;

/// Each with what it is.
pub(crate) fn hostile() -> Vec<(&'static str, String)> {
    let mut state = 1u64;
    let mut random = move |below: u32| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as u32 % below
    };
    let repeated = |unit: &str| unit.repeat(MEGABYTE / unit.len());
    vec![
        ("one letter", repeated("a")),
        ("spaces", repeated(" ")),
        ("newlines", repeated("\n")),
        ("mixed white space", repeated(" \t \u{a0}\u{3000}")),
        ("a line end, then spaces", format!("\n{}", repeated(" "))),
        ("equals signs", format!("{}#", repeated("="))),
        ("ab", repeated("ab")),
        ("combining marks", repeated("\u{301}")),
        ("one emoji", repeated("😀")),
        ("Thai", repeated("ก็ที่")),
        ("upper case after Han", format!("日{}", repeated("A"))),
        ("random letters", (0..MEGABYTE).map(|_| char::from(b'a' + random(26) as u8)).collect()),
        ("few random letters", (0..MEGABYTE).map(|_| char::from(b'a' + random(3) as u8)).collect()),
        ("random Han", (0..MEGABYTE / 3).filter_map(|_| char::from_u32(0x4E00 + random(0x5000))).collect()),
        (
            "base64",
            (0..MEGABYTE)
                .map(|_| {
                    char::from(
                        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
                            [random(64) as usize],
                    )
                })
                .collect(),
        ),
    ]
}
