//! Identity out of a body: the values at JSON pointers.

#![allow(clippy::unwrap_used)]

use wire::{Pointer, read_pointers};

fn read(body: &str, pointers: &[&str]) -> Vec<Option<String>> {
    let pointers: Vec<Pointer> = pointers.iter().map(|text| Pointer::parse(text).unwrap()).collect();
    read_pointers(body.as_bytes(), &pointers).into_iter().map(|value| value.map(Into::into)).collect()
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn scalars_are_found_wherever_they_are() {
    let body = r#"{"user":"a\u0062c","metadata":{"user_id":"u","n":-1.50,"on":true,"off":null,"list":[{"x":"y"},2]},"a/b":{"~":"t"}}"#;
    let pointers = [
        "/user",
        "/metadata/user_id",
        "/metadata/n",
        "/metadata/on",
        "/metadata/list/0/x",
        "/metadata/list/1",
        "/a~1b/~0",
    ];
    let expected = ["abc", "u", "-1.50", "true", "y", "2", "t"].map(some);
    assert_eq!(read(body, &pointers), expected);
}

#[test]
fn what_is_not_there_or_no_scalar_is_none() {
    let body = r#"{"a":{"b":[1]},"n":null}"#;
    for pointer in ["/x", "/a", "/a/b", "/a/b/1", "/a/b/0/c", "/n", "/", "/a/c"] {
        assert_eq!(read(body, &[pointer]), [None], "{pointer}");
    }
}

/// Readers disagree which of two equal keys counts: then nobody is who they say they are.
#[test]
fn a_key_that_is_given_twice_on_the_way_gives_nothing() {
    assert_eq!(read(r#"{"user":"a","user":"b","x":1}"#, &["/user", "/x"]), [None, some("1")]);
    assert_eq!(read(r#"{"us\u0065r":"a","user":null}"#, &["/user"]), [None]);
    assert_eq!(read(r#"{"m":{"u":"a"},"m":{"v":"b"}}"#, &["/m/u", "/m/v"]), [None, None]);
    assert_eq!(read(r#"{"x":[{"u":1},{"u":2}]}"#, &["/x/0/u", "/x/1/u"]), [some("1"), some("2")]);
}

#[test]
fn one_place_may_be_asked_for_twice_and_lie_on_the_way_of_another() {
    assert_eq!(read(r#"{"a":{"b":"c"}}"#, &["/a/b", "/a", "/a/b"]), [some("c"), None, some("c")]);
}

#[test]
fn a_body_that_is_not_json_gives_nothing() {
    for body in ["", "{", r#"{"a":1}x"#, r#"{"a":1,}"#, &"[".repeat(100_000)] {
        assert_eq!(read(body, &["/a"]), [None], "{body:.20}");
    }
    assert_eq!(read_pointers(b"{\"a\":\"\xff\"}", &[Pointer::parse("/a").unwrap()]), [None]);
}

#[test]
fn what_is_no_pointer_is_said_to_be_none() {
    for text in ["", "a", "a/b", "/~", "/~2", "/a~", &"/a".repeat(17)] {
        assert_eq!(Pointer::parse(text), None, "{text}");
    }
}
