//! Calls of tools in an earlier answer, and whose results follow.

use crate::json::{Error, Kind, Scanner, Str};
use std::collections::VecDeque;

/// Around a single call, and around calls made together: what is left of gpt-4o's figures after the text below
/// (recorded, 0 to 1 off).
const CALL: u64 = 2;
const CALLS: u64 = 1;
/// Results that are remembered; a prompt with more of them is an estimate anyway.
const MOST_EXPECTED: usize = 64;

/// One call or several that a model made at once.
#[derive(Debug, Default)]
pub(super) struct Calls<'a> {
    calls: Vec<Call<'a>>,
}

#[derive(Debug, Default)]
struct Call<'a> {
    name: Option<Str<'a>>,
    arguments: Arguments<'a>,
}

/// OpenAI's arguments are JSON in a string, other providers' are JSON.
#[derive(Debug, Default)]
enum Arguments<'a> {
    #[default]
    None,
    Text(Str<'a>),
    Json(&'a str),
}

impl<'a> Calls<'a> {
    /// As far as the text is JSON.
    pub(super) fn of(json: &'a str) -> Calls<'a> {
        let mut calls = Calls::default();
        let _ = calls.read(&mut Scanner::new(json));
        calls
    }

    pub(super) fn len(&self) -> u64 {
        self.calls.len() as u64
    }

    pub(super) fn overhead(&self) -> u64 {
        match self.len() {
            0 => 0,
            1 => CALL,
            _ => CALLS,
        }
    }

    /// What the model reads: who is called, with what. Several calls are one call of a tool that makes them in
    /// parallel.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        match self.calls.as_slice() {
            [] => {}
            [call] => {
                text.push_str(" to=");
                call.push_name(&mut text);
                call.push_arguments(&mut text);
            }
            several => {
                text.push_str(" to=multi_tool_use.parallel");
                let mut before = "{\"tool_uses\":[{\"recipient_name\":\"";
                for call in several {
                    text.push_str(before);
                    call.push_name(&mut text);
                    text.push_str("\",\"parameters\":");
                    call.push_arguments(&mut text);
                    before = "},{\"recipient_name\":\"";
                }
                text.push_str("}]}");
            }
        }
        text
    }

    fn read(&mut self, scanner: &mut Scanner<'a>) -> Result<(), Error> {
        match scanner.peek()? {
            Kind::Array => {
                let mut items = scanner.array()?;
                while items.next(scanner)? {
                    self.read_one(scanner)?;
                }
                Ok(())
            }
            _ => self.read_one(scanner),
        }
    }

    fn read_one(&mut self, scanner: &mut Scanner<'a>) -> Result<(), Error> {
        let mut call = Call::default();
        call.read(scanner, 0)?;
        if call.name.is_some() {
            self.calls.push(call);
        }
        Ok(())
    }
}

impl<'a> Call<'a> {
    fn read(&mut self, scanner: &mut Scanner<'a>, depth: u8) -> Result<(), Error> {
        if scanner.peek()? != Kind::Object || depth > 2 {
            return scanner.skip().map(|_| ());
        }
        let mut members = scanner.object()?;
        while let Some(key) = members.next(scanner)? {
            match &*key.key() {
                "function" | "toolUse" | "functionCall" | "function_call" => {
                    self.read(scanner, depth.saturating_add(1))?;
                }
                "name" => self.name = scanner.string_or_skip()?,
                "arguments" | "input" | "args" => {
                    self.arguments = if scanner.peek()? == Kind::String {
                        Arguments::Text(scanner.string()?)
                    } else {
                        let span = scanner.skip()?;
                        Arguments::Json(scanner.slice(span))
                    };
                }
                _ => {
                    scanner.skip()?;
                }
            }
        }
        Ok(())
    }

    fn push_name(&self, text: &mut String) {
        text.push_str("functions.");
        if let Some(name) = &self.name {
            name.append_to(text);
        }
    }

    fn push_arguments(&self, text: &mut String) {
        match &self.arguments {
            Arguments::None => {}
            Arguments::Text(arguments) => arguments.append_to(text),
            Arguments::Json(json) => text.push_str(json),
        }
    }
}

/// Whose results are still to come: their messages name only the calls' ids, and come in the calls' order.
#[derive(Debug, Default)]
pub(super) struct Results {
    functions: VecDeque<String>,
}

impl Results {
    pub(super) fn expect(&mut self, calls: &Calls<'_>) {
        for call in &calls.calls {
            if self.functions.len() < MOST_EXPECTED {
                let mut name = String::new();
                call.push_name(&mut name);
                self.functions.push_back(name);
            }
        }
    }

    /// The function whose result comes now.
    pub(super) fn next(&mut self) -> String {
        self.functions.pop_front().unwrap_or_else(|| "functions.".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_providers_calls_read_alike() {
        for json in [
            r#"[{"id":"c","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}}]"#,
            r#"{"type":"function_call","name":"f","arguments":"{\"x\":1}"}"#,
            r#"{"type":"tool_use","name":"f","input":{"x":1}}"#,
            r#"{"toolUse":{"name":"f","input":{"x":1}}}"#,
            r#"{"functionCall":{"name":"f","args":{"x":1}}}"#,
        ] {
            assert_eq!(Calls::of(json).text(), r#" to=functions.f{"x":1}"#, "{json}");
        }
        assert_eq!(Calls::of("").text(), "");
    }

    #[test]
    fn calls_made_together_are_one_call() {
        let calls = Calls::of(
            r#"[{"function":{"name":"f","arguments":"{}"}},{"function":{"name":"g","arguments":"{}"}}]"#,
        );
        assert_eq!(
            calls.text(),
            r#" to=multi_tool_use.parallel{"tool_uses":[{"recipient_name":"functions.f","parameters":{}},{"recipient_name":"functions.g","parameters":{}}]}"#
        );
        let mut results = Results::default();
        results.expect(&calls);
        assert_eq!(
            [results.next(), results.next(), results.next()],
            ["functions.f", "functions.g", "functions."]
        );
    }
}
