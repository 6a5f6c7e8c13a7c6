//! The tables that are checked in are what the generator makes of its sources.

#[path = "../examples/generate/classes.rs"]
mod classes;
#[path = "../examples/generate/vocabulary.rs"]
mod vocabulary;

#[test]
fn vocabularies_are_reproduced_to_the_byte() {
    let o200k = vocabulary::tokens(tiktoken_rs::o200k_base_singleton(), 199_998);
    assert!(vocabulary::blob(&o200k) == include_bytes!("../data/o200k_base.bin"), "run the generator");
    let cl100k = vocabulary::tokens(tiktoken_rs::cl100k_base_singleton(), 100_256);
    assert!(vocabulary::blob(&cl100k) == include_bytes!("../data/cl100k_base.bin"), "run the generator");
}

#[test]
fn character_classes_are_reproduced() {
    assert!(classes::source() == include_str!("../src/class_table.rs"), "run the generator");
}
