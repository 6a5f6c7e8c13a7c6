use super::super::field::Scope;
use super::super::figures::Figure;
use super::*;

static TABLE: Field = Field::document(&[
    Field::new("model").means(Leaf::Model),
    Field::new("n").is(Figure::Prompt),
    Field::new("done").means(Leaf::Done),
    Field::new("list").opens(Scope::Choices).with(&[
        Field::new("text").says(Said::Content).with(&[Field::new("inner").says(Said::Content)]),
        Field::new("args").says(Said::CallArguments),
    ]),
    Field::new("words").means(Leaf::Search),
]);

/// Writes down what it hears; pieces of one text are put together.
#[derive(Debug, Default, PartialEq)]
struct Heard(Vec<String>);

impl Heard {
    fn note(&mut self, what: String) {
        self.0.push(what);
    }
}

impl Sink for Heard {
    fn enter(&mut self, field: &'static Field) {
        self.note(format!("{}{{", field.key));
    }
    fn leave(&mut self, field: &'static Field) {
        self.note(format!("}}{}", field.key));
    }
    fn array(&mut self, field: &'static Field) {
        self.note(format!("{}[", field.key));
    }
    fn item(&mut self, field: &'static Field) {
        self.note(format!("{},", field.key));
    }
    fn text(&mut self, field: &'static Field, piece: &str) {
        let key = format!("{}: ", field.key);
        match self.0.last_mut() {
            Some(last) if last.starts_with(&key) => last.push_str(piece),
            _ => self.note(format!("{key}{piece}")),
        }
    }
    fn word(&mut self, field: &'static Field, word: &str) {
        self.note(format!("{}={word}", field.key));
    }
    fn long_word(&mut self, field: &'static Field) {
        self.note(format!("{}=...", field.key));
    }
    fn number(&mut self, field: &'static Field, written: &str) {
        self.note(format!("{}={written}", field.key));
    }
    fn flag(&mut self, field: &'static Field, value: bool) {
        self.note(format!("{}={value}", field.key));
    }
}

/// What is heard of a document in these pieces, and whether it was all there.
fn heard(pieces: &[&[u8]]) -> (Vec<String>, bool) {
    let (mut document, mut heard) = (Document::new(&TABLE), Heard::default());
    let mut intact = true;
    for piece in pieces {
        let read = document.read(piece, &mut heard);
        intact &= document.has_failed() || piece[read..].trim_ascii().is_empty();
    }
    (heard.0, document.finish(&mut heard_nothing()) && intact)
}

fn heard_nothing() -> Heard {
    Heard::default()
}

fn is_json(text: &[u8]) -> bool {
    heard(&[text]).1
}

#[test]
fn fields_are_found_wherever_the_table_has_them() {
    let text = r#"{"x":{"model":"no","list":[{"text":"no"}]},"model":"m\u0031","n":-12.5e3,"done":true,
        "list":[{"text":"a\n\"b\""},{"text":[{"inner":"c"},{"other":"no"}],"args":{"k": [1,"}é"]}},7,{"args":{}}],
        "words":["one","two"],"n":null}"#;
    let whole = heard(&[text.as_bytes()]);
    let expected = [
        "{",
        "model=m1",
        "n=-12.5e3",
        "done=true",
        "list[",
        "list,",
        "list{",
        "text: a\n\"b\"",
        "}list",
        "list,",
        "list{",
        "text[",
        "text,",
        "text{",
        "inner: c",
        "}text",
        "text,",
        "text{",
        "}text",
        "args: {\"k\": [1,\"}é\"]}",
        "}list",
        "list,",
        "list=7",
        "list,",
        "list{",
        "args: {}",
        "}list",
        "words[",
        "words,",
        "words=one",
        "words,",
        "words=two",
        "}",
    ];
    assert_eq!((whole.0.as_slice(), whole.1), (expected.map(str::to_owned).as_slice(), true));
    for cut in 0..=text.len() {
        let (a, b) = text.as_bytes().split_at(cut);
        assert_eq!(heard(&[a, b]), whole, "cut at {cut}");
    }
    let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
    assert_eq!(heard(&bytes), whole);
}

#[test]
fn what_is_handed_on_as_written_ends_where_it_ends_in_any_split() {
    for (text, expected) in [
        (r#"{"list":[{"args":{}},{"args":[]},{"text":"t"}],"n":1}"#, ["args: {}", "args: []", "text: t"]),
        (
            r#"{"list":[{"args":{"a":{}}},{"args":[[ ]]},{"text":"t"}],"n":1}"#,
            ["args: {\"a\":{}}", "args: [[ ]]", "text: t"],
        ),
    ] {
        for cut in 0..=text.len() {
            let (a, b) = text.as_bytes().split_at(cut);
            let (heard, all) = heard(&[a, b]);
            let texts: Vec<String> = heard.into_iter().filter(|what| what.contains(": ")).collect();
            assert_eq!((texts, all), (expected.map(str::to_owned).to_vec(), true), "cut at {cut}");
        }
    }
    // What is no JSON ends it as well, at the same byte.
    let text = br#"{"list":[{"args":{"a" {"more":"text"}}}]}"#;
    for cut in 0..=text.len() {
        let (a, b) = text.split_at(cut);
        assert_eq!(heard(&[a, b]), heard(&[text]), "cut at {cut}");
    }
}

#[test]
fn strings_are_unescaped_and_characters_put_together_in_any_split() {
    let text = r#"{"list":{"text":"a\"\\\/\b\f\n\r\t\u00e9\u65E5\ud83d\ude00\udbff\udfff z é日😀"}}"#;
    let expected = "text: a\"\\/\u{8}\u{c}\n\r\té日😀\u{10ffff} z é日😀";
    for a in 0..=text.len() {
        for b in a..=text.len() {
            let bytes = text.as_bytes();
            let (heard, all) = heard(&[&bytes[..a], &bytes[a..b], &bytes[b..]]);
            assert_eq!((heard[2].as_str(), all), (expected, true), "cut at {a} and {b}");
        }
    }
}

#[test]
fn what_is_no_character_becomes_the_replacement_in_any_split() {
    for (json, text) in [
        (&br#""\ud83d""#[..], "\u{fffd}"),
        (br#""\ud83dx""#, "\u{fffd}x"),
        (br#""\ude00\ud83d""#, "\u{fffd}\u{fffd}"),
        (br#""\ud83d\n""#, "\u{fffd}\n"),
        (br#""\ud83d\u0041""#, "\u{fffd}A"),
        (br#""\ud83d\ud83d\ude00""#, "\u{fffd}😀"),
        (b"\"a\xff\xe2\x82z\xf0\x9f\x98\"", "a\u{fffd}\u{fffd}z\u{fffd}"),
        (b"\"\xe2\x82\\n\xf0\x80\x80\"", "\u{fffd}\n\u{fffd}\u{fffd}\u{fffd}"),
        (b"\"\\ud83d\xc3\xa9\"", "\u{fffd}é"),
    ] {
        let json = [b"{\"list\":{\"text\":", json, b"}}"].concat();
        for cut in 0..=json.len() {
            let (a, b) = json.split_at(cut);
            let (heard, all) = heard(&[a, b]);
            assert_eq!((heard[2].as_str(), all), (format!("text: {text}").as_str(), true), "cut at {cut}");
        }
    }
}

#[test]
fn a_word_too_long_to_mean_anything_is_not_kept() {
    let long = "x".repeat(300_000);
    let text = format!(r#"{{"model":"{long}","{long}":1,"n":{},"done":false}}"#, "9".repeat(300_000));
    let (mut document, mut heard) = (Document::new(&TABLE), Heard::default());
    for piece in text.as_bytes().chunks(1000) {
        document.read(piece, &mut heard);
        assert!(document.word.capacity() < 1024);
    }
    assert!(document.finish(&mut heard));
    assert_eq!(heard.0, ["{", "model=...", "done=false", "}"]);
}

#[test]
fn json_of_every_kind_is_accepted_and_nothing_else() {
    for text in [
        "null",
        " true ",
        "[]",
        "{}",
        "[ ]",
        "{ }",
        "[1, -0, 0.5, 1e9, 1E-2, -1.25e+3]",
        r#"{"a":{"b":[[],{}]},"":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\ud800"}"#,
        "\"日本語 😀 \u{7f}\"",
        "\r\n\t[\r\n1\t,\n2 ]\n",
        "12",
        "-0.5e-7",
    ] {
        assert!(is_json(text.as_bytes()), "{text}");
    }
    for text in [
        "",
        " ",
        r#"{"a":1,}"#,
        r#"{"a" 1}"#,
        "[1 2]",
        "[1}",
        "[1,]",
        "[,]",
        "{,}",
        "{} {}",
        "01",
        "[-]",
        "[1.]",
        "[1e+]",
        "NaN",
        "nul!",
        "nul",
        "'a'",
        "\"a\nb\"",
        r#""\x""#,
        r#""\u12g4""#,
        "\u{feff}{}",
        "{1:2}",
        "]",
        "-",
    ] {
        assert!(!is_json(text.as_bytes()), "{text}");
    }
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert!(is_json(nested(128).as_bytes()) && !is_json(nested(129).as_bytes()));
    assert!(!is_json("{\"a\":".repeat(1_000_000).as_bytes()));
}

#[test]
fn a_text_cut_anywhere_is_not_all_there() {
    let text = r#"{"a":[true,null,"x\u00e9\n",{"b":"c"}],"d":"e"}"#;
    for end in 0..text.len() {
        assert!(!is_json(&text.as_bytes()[..end]), "{}", &text[..end]);
    }
}
