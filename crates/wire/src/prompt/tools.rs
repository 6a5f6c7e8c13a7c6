//! What a function definition costs: the rule of the cookbook's section 7. The provider turns the schema into a
//! TypeScript-like text of its own; the rule was fitted to that for flat schemas. Here nested ones repeat it.

use crate::json::{Error, Kind, Scanner, Str};
use tokens::{Encoding, count};

/// `func_init`: 7 for the `gpt-4o` family, 10 for `gpt-3.5-turbo` and `gpt-4`.
const fn function(encoding: Encoding) -> u64 {
    match encoding {
        Encoding::Cl100kBase => 10,
        Encoding::O200kBase | Encoding::O200kHarmony => 7,
    }
}
const PROPERTIES: u64 = 3;
const PROPERTY: u64 = 3;
const ENUM_ITEM: u64 = 3;
/// An `enum` as a whole costs 3 less than its items.
const ENUM: u64 = 3;

/// Tokens of one element of `tools` (or of the older `functions`, which has no wrapper).
pub(super) fn count_tool(json: &str, encoding: Encoding) -> u64 {
    let mut tool = Tool { encoding, tokens: function(encoding) };
    // A text that stops being JSON keeps what was counted of it; it was read as JSON before, so it does not.
    let _ = tool.definition(&mut Scanner::new(json));
    tool.tokens
}

struct Tool {
    encoding: Encoding,
    tokens: u64,
}

impl Tool {
    fn definition(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Error> {
        if scanner.peek()? != Kind::Object {
            return scanner.skip().map(|_| ());
        }
        let (mut name, mut description) = (None, None);
        let mut members = scanner.object()?;
        while let Some(key) = members.next(scanner)? {
            match &*key.key() {
                "function" => self.definition(scanner)?,
                "name" => name = scanner.string_or_skip()?,
                "description" => description = scanner.string_or_skip()?,
                "parameters" => self.schema(scanner)?,
                _ => {
                    scanner.skip()?;
                }
            }
        }
        // An empty description leaves no mark (recorded; the cookbook's examples all have one).
        let description = description.filter(|text| !text.is_empty());
        match (name, description) {
            (None, None) => {}
            (Some(_), None) => self.line(&[name]),
            _ => self.line(&[name, description]),
        }
        Ok(())
    }

    /// The properties of an object schema, or of an array's items.
    fn schema(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Error> {
        if scanner.peek()? != Kind::Object {
            return scanner.skip().map(|_| ());
        }
        let mut members = scanner.object()?;
        while let Some(key) = members.next(scanner)? {
            match &*key.key() {
                "properties" => self.properties(scanner)?,
                "items" => self.schema(scanner)?,
                _ => {
                    scanner.skip()?;
                }
            }
        }
        Ok(())
    }

    fn properties(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Error> {
        if scanner.peek()? != Kind::Object {
            return scanner.skip().map(|_| ());
        }
        let mut members = scanner.object()?;
        let mut any = false;
        while let Some(key) = members.next(scanner)? {
            if !any {
                self.add(PROPERTIES);
                any = true;
            }
            self.property(key, scanner)?;
        }
        Ok(())
    }

    fn property(&mut self, name: Str<'_>, scanner: &mut Scanner<'_>) -> Result<(), Error> {
        self.add(PROPERTY);
        if scanner.peek()? != Kind::Object {
            return scanner.skip().map(|_| ());
        }
        let (mut kind, mut description) = (None, None);
        let mut members = scanner.object()?;
        while let Some(key) = members.next(scanner)? {
            match &*key.key() {
                "type" => kind = scanner.string_or_skip()?,
                "description" => description = scanner.string_or_skip()?,
                "enum" => self.choices(scanner)?,
                "properties" => self.properties(scanner)?,
                "items" => self.schema(scanner)?,
                _ => {
                    scanner.skip()?;
                }
            }
        }
        self.line(&[Some(name), kind, description]);
        Ok(())
    }

    fn choices(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Error> {
        if scanner.peek()? != Kind::Array {
            return scanner.skip().map(|_| ());
        }
        let mut items = scanner.array()?;
        let mut free = ENUM;
        while items.next(scanner)? {
            if let Some(choice) = scanner.string_or_skip()? {
                let tokens = count(self.encoding, &choice.text());
                self.add(ENUM_ITEM.saturating_sub(std::mem::take(&mut free)).saturating_add(tokens));
            }
        }
        Ok(())
    }

    /// `name:type:description`, the last one without its final full stop.
    fn line(&mut self, pieces: &[Option<Str<'_>>]) {
        let mut text = String::new();
        for (at, piece) in pieces.iter().enumerate() {
            if at > 0 {
                text.push(':');
            }
            if let Some(piece) = piece {
                piece.append_to(&mut text);
            }
        }
        let tokens = count(self.encoding, text.strip_suffix('.').unwrap_or(&text));
        self.add(tokens);
    }

    fn add(&mut self, tokens: u64) {
        self.tokens = self.tokens.saturating_add(tokens);
    }
}
