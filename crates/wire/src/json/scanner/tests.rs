use super::*;

fn check(text: &[u8]) -> Result<(), Error> {
    let mut scanner = Scanner::over(text)?;
    scanner.skip()?;
    scanner.end()
}

fn fault(text: &str) -> (usize, Fault) {
    let error = check(text.as_bytes()).expect_err(text);
    (error.at, error.fault)
}

#[test]
fn json_of_every_kind_is_accepted() {
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
    ] {
        assert_eq!(check(text.as_bytes()), Ok(()), "{text}");
    }
}

#[test]
fn what_is_not_json_is_told_by_kind_and_byte() {
    assert_eq!(fault(r#"{"a":1,}"#), (7, Fault::Key));
    assert_eq!(fault(r#"{"a" 1}"#), (5, Fault::Colon));
    assert_eq!(fault("[1 2]"), (3, Fault::CommaOrEnd));
    assert_eq!(fault("[1}"), (2, Fault::CommaOrEnd));
    assert_eq!(fault("[1,]"), (3, Fault::Value));
    assert_eq!(fault("{} {}"), (3, Fault::Trailing));
    assert_eq!(fault("01"), (1, Fault::Trailing));
    assert_eq!(fault("[-]"), (2, Fault::Number));
    assert_eq!(fault("[1.]"), (3, Fault::Number));
    assert_eq!(fault("[1e+]"), (4, Fault::Number));
    assert_eq!(fault("NaN"), (0, Fault::Value));
    assert_eq!(fault("nul!"), (0, Fault::Value));
    assert_eq!(fault("'a'"), (0, Fault::Value));
    assert_eq!(fault("\"a\nb\""), (2, Fault::Control));
    assert_eq!(fault(r#""\x""#), (2, Fault::Escape));
    assert_eq!(fault(r#""\u12g4""#), (5, Fault::Escape));
    assert_eq!(fault("\u{feff}{}"), (0, Fault::Value));
}

#[test]
fn a_text_cut_anywhere_is_truncated_and_nothing_else() {
    let text = r#"{"a":[true,null,"x\u00e9\n",{"b":"c"}],"d":"e"}"#;
    for end in 0..text.len() {
        assert_eq!(fault(&text[..end]).1, Fault::Truncated, "{}", &text[..end]);
    }
}

#[test]
fn invalid_utf8_is_found_at_its_byte() {
    let error = check(b"{\"a\":\"ok \xff\"}").unwrap_err();
    assert_eq!((error.at, error.fault), (9, Fault::Utf8));
}

#[test]
fn nesting_is_bounded_without_recursion() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert_eq!(check(nested(128).as_bytes()), Ok(()));
    assert_eq!(fault(&nested(129)), (128, Fault::Depth));
    assert_eq!(fault(&"{\"a\":".repeat(1_000_000)).1, Fault::Depth);
}

#[test]
fn strings_are_unescaped_as_the_grammar_says() {
    let mut scanner = Scanner::new(r#""a\"\\\/\b\f\n\r\t\u00e9\u65E5\ud83d\ude00\udbff\udfff z""#);
    let text = scanner.string_or_skip().unwrap().unwrap();
    assert_eq!(text.text(), "a\"\\/\u{8}\u{c}\n\r\té日😀\u{10ffff} z");
}

#[test]
fn half_a_surrogate_pair_becomes_the_replacement_character() {
    for (json, text) in [
        (r#""\ud83d""#, "\u{fffd}"),
        (r#""\ud83dx""#, "\u{fffd}x"),
        (r#""\ude00\ud83d""#, "\u{fffd}\u{fffd}"),
        (r#""\ud83d\n""#, "\u{fffd}\n"),
        (r#""\ud83d\u0041""#, "\u{fffd}A"),
    ] {
        let string = Scanner::new(json).string_or_skip().unwrap().unwrap();
        assert_eq!(string.text(), text, "{json}");
    }
}
