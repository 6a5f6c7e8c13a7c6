use super::*;

/// The data of all events, for a stream fed in these pieces.
fn events(pieces: &[&[u8]]) -> Vec<String> {
    let mut splitter = Splitter::default();
    let mut found = Vec::new();
    for piece in pieces {
        let mut at = 0;
        while let Some(step) = splitter.next(piece, &mut at) {
            if let Step::Event(data) = step {
                found.push(String::from_utf8(data.to_vec()).unwrap());
            }
        }
        assert_eq!(at, piece.len());
    }
    found.extend(splitter.finish().map(|data| String::from_utf8(data.to_vec()).unwrap()));
    found
}

#[test]
fn all_line_ends_and_fields_of_the_standard() {
    let stream = "\u{feff}: hello\n\ndata: one\n\ndata:two\r\n\r\nevent: x\rdata:  three\rid: 7\r\rdata: four\ndata: five\n\n";
    // The byte order mark makes the first line another field than a comment, as unknown as it is: an event without data.
    assert_eq!(events(&[stream.as_bytes()]), ["", "one", "two", " three", "four\nfive"]);
}

#[test]
fn a_byte_order_mark_before_the_first_event_is_none_of_its_data() {
    assert_eq!(events(&["\u{feff}data: one\n\n".as_bytes()]), ["one"]);
}

#[test]
fn events_do_not_depend_on_the_cuts() {
    let stream = ": c\r\n\r\ndata: größe 日本\r\n\r\n\r\ndata\r\ndata: {\"a\":\rdata: 1}\r\r: mid\ndata: x\n: inner\n\nevent: e\n\ndata: end";
    let whole = events(&[stream.as_bytes()]);
    assert_eq!(whole, ["größe 日本", "\n{\"a\":\n1}", "x", "", "end"]);
    for a in 0..=stream.len() {
        for b in a..=stream.len() {
            let bytes = stream.as_bytes();
            assert_eq!(events(&[&bytes[..a], &bytes[a..b], &bytes[b..]]), whole, "cut at {a} and {b}");
        }
    }
}

#[test]
fn a_stream_without_its_last_empty_line_ends_with_an_event() {
    assert_eq!(events(&[b"data: a\n\ndata: [DONE]\n"]), ["a", "[DONE]"]);
    assert_eq!(events(&[b"data: a\n\ndata: [DONE]"]), ["a", "[DONE]"]);
}

#[test]
fn an_event_beyond_the_bound_is_measured_and_skipped() {
    let large = format!("data: {}\n\n", "x".repeat(2 * LARGEST));
    let stream = format!("data: a\n\n{large}data: b\n\n");
    for size in [stream.len(), 60_000] {
        let pieces: Vec<&[u8]> = stream.as_bytes().chunks(size).collect();
        assert_eq!(events(&pieces), ["a", "", "b"]);
        let mut splitter = Splitter::default();
        for piece in pieces {
            let mut at = 0;
            while splitter.next(piece, &mut at).is_some() {}
            assert!(splitter.line.capacity() + splitter.data.capacity() <= 4 * LARGEST);
        }
        assert_eq!(splitter.unread(), large.len() as u64 - 2);
    }
}
