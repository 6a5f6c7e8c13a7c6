//! What a function definition costs. The provider turns the definitions into TypeScript of its own making; the cookbook's
//! section 7 has a rule fitted to that for flat schemas. OpenAI published the form with gpt-oss (the `harmony` format);
//! on recordings of gpt-4o it gives the provider's figure where the cookbook's rule is off by up to 42 tokens, and the
//! cookbook's own example comes out the same.

use crate::json::{Error, Kind, Scanner, Span, Str};
use std::fmt::Write;

/// Schemas nested deeper than this are written as they are in the request: reading a level once for each above it would
/// take too long.
const DEEPEST: u8 = 8;

/// A tool, as the model gets to read it.
#[derive(Debug, Default)]
pub(super) struct Tool {
    pub(super) text: String,
    pub(super) has_description: bool,
    /// The description of the arguments as a whole, which only reasoning models are given.
    pub(super) of_arguments: String,
    /// One that the provider runs itself (a web search): what it puts before the model is not in the request.
    pub(super) is_hosted: bool,
}

/// Reads one element of `tools`: OpenAI's in its wrapper, the older `functions` without one, the flat one of the
/// Responses API, Anthropic's with `input_schema`, Bedrock's in its `toolSpec`, Cohere's and Gemini's declarations.
pub(super) fn tool(json: &str) -> Tool {
    let mut definition = Definition::default();
    // A text that stops being JSON keeps what was read of it; it was read as JSON before, so it does not.
    let _ = definition.read(&mut Scanner::new(json), 0);
    let mut tool = Tool { is_hosted: definition.is_hosted(), ..Tool::default() };
    // An empty description leaves no mark (recorded).
    if let Some(description) = definition.description.filter(|text| !text.is_empty()) {
        tool.has_description = true;
        tool.text.push_str("// ");
        description.append_to(&mut tool.text);
        tool.text.push('\n');
    }
    tool.text.push_str("type ");
    if let Some(name) = definition.name {
        name.append_to(&mut tool.text);
    }
    let schema = definition.schema.and_then(|json| Schema::of(json).ok()).unwrap_or_default();
    if let Some(description) = schema.description.filter(|text| !text.is_empty()) {
        tool.of_arguments.push_str("// ");
        description.append_to(&mut tool.of_arguments);
        tool.of_arguments.push('\n');
    }
    match schema.properties.filter(|json| is_filled(json)) {
        Some(properties) => {
            tool.text.push_str(" = (_: ");
            object(&mut tool.text, properties, 0);
            tool.text.push_str(") => any;\n\n");
        }
        None => tool.text.push_str(" = () => any;\n\n"),
    }
    tool
}

#[derive(Default)]
struct Definition<'a> {
    kind: Option<Str<'a>>,
    name: Option<Str<'a>>,
    description: Option<Str<'a>>,
    schema: Option<&'a str>,
}

impl<'a> Definition<'a> {
    fn read(&mut self, scanner: &mut Scanner<'a>, depth: u8) -> Result<(), Error> {
        if scanner.peek()? != Kind::Object || depth > 2 {
            return scanner.skip().map(|_| ());
        }
        let mut members = scanner.object()?;
        while let Some(key) = members.next(scanner)? {
            match &*key.key() {
                "function" | "toolSpec" => self.read(scanner, depth.saturating_add(1))?,
                "type" => self.kind = scanner.string_or_skip()?,
                "name" => self.name = scanner.string_or_skip()?,
                "description" => self.description = scanner.string_or_skip()?,
                "parameters"
                | "input_schema"
                | "inputSchema"
                | "parametersJsonSchema"
                | "parameters_json_schema" => {
                    let span = scanner.skip()?;
                    self.schema = Some(scanner.slice(span));
                }
                _ => {
                    scanner.skip()?;
                }
            }
        }
        Ok(())
    }

    /// Anthropic's and OpenAI's have a type of their own, Gemini's (`{"codeExecution": {}}`) no name.
    fn is_hosted(&self) -> bool {
        self.name.is_none() || self.kind.is_some_and(|kind| !matches!(kind.raw, "function" | "custom"))
    }
}

/// The parts of a JSON schema that are written out.
#[derive(Default)]
struct Schema<'a> {
    kind: Option<Str<'a>>,
    description: Option<Str<'a>>,
    choices: Option<&'a str>,
    properties: Option<&'a str>,
    items: Option<&'a str>,
    either: Option<&'a str>,
    default: Option<&'a str>,
}

impl<'a> Schema<'a> {
    fn of(json: &'a str) -> Result<Schema<'a>, Error> {
        let mut scanner = Scanner::new(json);
        let mut schema = Schema::default();
        if scanner.peek()? != Kind::Object {
            return Ok(schema);
        }
        let mut members = scanner.object()?;
        while let Some(key) = members.next(&mut scanner)? {
            match &*key.key() {
                "type" => schema.kind = scanner.string_or_skip()?,
                "description" => schema.description = scanner.string_or_skip()?,
                "json" => {
                    // Bedrock's `inputSchema: { json: … }`.
                    let span = scanner.skip()?;
                    return Schema::of(scanner.slice(span));
                }
                name => {
                    let name = name.to_owned();
                    let value = raw(&mut scanner)?;
                    match name.as_str() {
                        "enum" => schema.choices = Some(value),
                        "properties" => schema.properties = Some(value),
                        "items" => schema.items = Some(value),
                        "anyOf" | "oneOf" => schema.either = Some(value),
                        "default" => schema.default = Some(value),
                        _ => {}
                    }
                }
            }
        }
        Ok(schema)
    }
}

fn raw<'a>(scanner: &mut Scanner<'a>) -> Result<&'a str, Error> {
    let Span { start, end } = scanner.skip()?;
    Ok(scanner.slice(Span { start, end }))
}

fn is_filled(object: &str) -> bool {
    object.trim_start_matches(['{', ' ', '\n', '\r', '\t']).starts_with('"')
}

/// Elements of an array, members of an object (with their keys).
fn each<'a>(json: &'a str, mut visit: impl FnMut(Option<Str<'a>>, &'a str)) {
    let mut scanner = Scanner::new(json);
    let mut walk = || -> Result<(), Error> {
        match scanner.peek()? {
            Kind::Array => {
                let mut items = scanner.array()?;
                while items.next(&mut scanner)? {
                    visit(None, raw(&mut scanner)?);
                }
            }
            Kind::Object => {
                let mut members = scanner.object()?;
                while let Some(key) = members.next(&mut scanner)? {
                    visit(Some(key), raw(&mut scanner)?);
                }
            }
            _ => {}
        }
        Ok(())
    };
    // As far as it is JSON.
    let _ = walk();
}

/// `{`, a line for each property with its description before it, `}`.
fn object(out: &mut String, properties: &str, depth: u8) {
    out.push_str("{\n");
    each(properties, |name, json| {
        let schema = Schema::of(json).unwrap_or_default();
        if let Some(description) = schema.description.filter(|text| !text.is_empty()) {
            out.push_str("// ");
            description.append_to(out);
            out.push('\n');
        }
        if let Some(name) = name {
            name.append_to(out);
        }
        out.push_str(": ");
        kind(out, &schema, json, depth);
        out.push(',');
        if let Some(default) = schema.default {
            // Cannot fail on a string.
            let _ = write!(out, " // default: {}", default.trim_matches('"'));
        }
        out.push('\n');
    });
    out.push('}');
}

fn kind(out: &mut String, schema: &Schema<'_>, json: &str, depth: u8) {
    let deeper = depth.saturating_add(1);
    if deeper > DEEPEST {
        out.push_str(json);
    } else if let Some(choices) = schema.choices {
        let mut first = true;
        each(choices, |_, choice| {
            separate(out, &mut first);
            out.push_str(choice);
        });
    } else if let Some(either) = schema.either {
        let mut first = true;
        each(either, |_, json| {
            separate(out, &mut first);
            kind(out, &Schema::of(json).unwrap_or_default(), json, deeper);
        });
    } else if let Some(properties) = schema.properties.filter(|json| is_filled(json)) {
        object(out, properties, deeper);
    } else if let Some(items) = schema.items {
        kind(out, &Schema::of(items).unwrap_or_default(), items, deeper);
        out.push_str("[]");
    } else {
        out.push_str(match schema.kind.as_ref().map(|kind| kind.raw) {
            Some("integer") => "number",
            Some("array") => "any[]",
            Some(kind) => kind,
            None => "any",
        });
    }
}

fn separate(out: &mut String, first: &mut bool) {
    if !std::mem::replace(first, false) {
        out.push_str(" | ");
    }
}

#[cfg(test)]
mod tests {
    use super::tool;

    // The example of the `harmony` format's documentation, without the comment markers of its frame.
    #[test]
    fn a_definition_becomes_typescript() {
        let written = tool(
            r#"{"type":"function","function":{"name":"get_current_weather","description":"Gets the current weather.",
            "parameters":{"type":"object","properties":{
              "location":{"description":"The city","type":"string"},
              "format":{"type":"string","enum":["celsius","fahrenheit"],"default":"celsius"},
              "days":{"type":"array","items":{"type":"integer"}},
              "at":{"anyOf":[{"type":"object","properties":{"x":{"type":"number"}}},{"type":"null"}]}},
            "required":["location"]}}}"#,
        );
        assert_eq!(
            written.text,
            "// Gets the current weather.\ntype get_current_weather = (_: {\n// The city\nlocation: string,\n\
             format: \"celsius\" | \"fahrenheit\", // default: celsius\ndays: number[],\nat: {\nx: number,\n} | null,\n}) => any;\n\n"
        );
        assert!(written.has_description && !written.is_hosted);
    }

    #[test]
    fn every_providers_shape_reads_alike() {
        let expected = "// D\ntype f = (_: {\nx: string,\n}) => any;\n\n";
        let schema = r#"{"type":"object","properties":{"x":{"type":"string"}}}"#;
        for json in [
            format!(
                r#"{{"type":"function","function":{{"name":"f","description":"D","parameters":{schema}}}}}"#
            ),
            format!(
                r#"{{"type":"function","name":"f","description":"D","parameters":{schema},"strict":true}}"#
            ),
            format!(r#"{{"name":"f","description":"D","input_schema":{schema}}}"#),
            format!(r#"{{"toolSpec":{{"name":"f","description":"D","inputSchema":{{"json":{schema}}}}}}}"#),
            format!(r#"{{"name":"f","description":"D","parametersJsonSchema":{schema}}}"#),
        ] {
            assert_eq!(tool(&json).text, expected, "{json}");
        }
    }

    #[test]
    fn a_tool_of_the_providers_own_is_told_apart() {
        assert!(tool(r#"{"type":"web_search_20250305","name":"web_search"}"#).is_hosted);
        assert!(!tool(r#"{"type":"custom","name":"f"}"#).is_hosted);
        assert!(tool(r#"{"codeExecution":{}}"#).is_hosted && tool("").is_hosted);
    }

    #[test]
    fn deep_nesting_ends_in_the_requests_own_words() {
        let deep = format!(
            r#"{{"name":"f","parameters":{{"properties":{{"x":{}1{}}}}}}}"#,
            r#"{"items":"#.repeat(100),
            "}".repeat(100)
        );
        let written = tool(&deep).text;
        assert!(written.len() <= deep.len() + 100, "{written}");
    }
}
