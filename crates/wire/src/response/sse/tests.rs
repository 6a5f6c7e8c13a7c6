use super::*;

/// The names and the data of all events, for a stream fed in these pieces.
fn events(pieces: &[&[u8]]) -> Vec<(String, String)> {
    let mut splitter = Splitter::default();
    let (mut found, mut name, mut data) = (Vec::new(), String::new(), Vec::new());
    let mut end = |name: &mut String, data: &mut Vec<u8>| {
        found.push((std::mem::take(name), String::from_utf8(std::mem::take(data)).unwrap()));
    };
    for piece in pieces {
        let mut at = 0;
        while let Some(step) = splitter.next(piece, &mut at) {
            match step {
                Step::Name => name = splitter.name().to_owned(),
                Step::Data(piece) => data.extend_from_slice(piece),
                Step::Event => end(&mut name, &mut data),
                Step::Between | Step::LateLineFeed => {}
            }
        }
        assert_eq!(at, piece.len());
    }
    if splitter.finish() {
        end(&mut name, &mut data);
    }
    found
}

fn data(pieces: &[&[u8]]) -> Vec<String> {
    events(pieces).into_iter().map(|(_, data)| data).collect()
}

#[test]
fn all_line_ends_and_fields_of_the_standard() {
    let stream = "\u{feff}: hello\n\ndata: one\n\ndata:two\r\n\r\nevent: x\rdata:  three\rid: 7\r\rdata: four\ndata: five\n\n";
    assert_eq!(
        events(&[stream.as_bytes()]),
        [("", "one"), ("", "two"), ("x", " three"), ("", "four\nfive")]
            .map(|(name, data)| (name.to_owned(), data.to_owned()))
    );
}

#[test]
fn a_byte_order_mark_before_the_first_event_is_none_of_its_data() {
    assert_eq!(data(&["\u{feff}data: one\n\n".as_bytes()]), ["one"]);
}

#[test]
fn a_name_may_come_after_the_data() {
    assert_eq!(events(&[b"data: 1\nevent: late\n\n"]), [("late".to_owned(), "1".to_owned())]);
}

#[test]
fn events_do_not_depend_on_the_cuts() {
    let stream = ": c\r\n\r\ndata: größe 日本\r\n\r\n\r\ndata\r\ndata: {\"a\":\rdata: 1}\r\r: mid\ndata: x\n: inner\n\nevent: e\n\ndata: end";
    let whole = events(&[stream.as_bytes()]);
    assert_eq!(data(&[stream.as_bytes()]), ["größe 日本", "\n{\"a\":\n1}", "x", "", "end"]);
    for a in 0..=stream.len() {
        for b in a..=stream.len() {
            let bytes = stream.as_bytes();
            assert_eq!(events(&[&bytes[..a], &bytes[a..b], &bytes[b..]]), whole, "cut at {a} and {b}");
        }
    }
}

#[test]
fn a_stream_without_its_last_empty_line_ends_with_an_event() {
    assert_eq!(data(&[b"data: a\n\ndata: [DONE]\n"]), ["a", "[DONE]"]);
    assert_eq!(data(&[b"data: a\n\ndata: [DONE]"]), ["a", "[DONE]"]);
}

#[test]
fn an_event_of_any_size_keeps_nothing() {
    let large = "x".repeat(2_000_000);
    let stream = format!("event: {large}\n{large}: 1\ndata: {large}\n\n");
    let mut splitter = Splitter::default();
    let mut size = 0;
    for piece in stream.as_bytes().chunks(60_000) {
        let mut at = 0;
        while let Some(step) = splitter.next(piece, &mut at) {
            size += if let Step::Data(data) = step { data.len() } else { 0 };
        }
        assert!(splitter.name.capacity() + splitter.field.capacity() < 300);
    }
    assert_eq!(size, large.len());
}
