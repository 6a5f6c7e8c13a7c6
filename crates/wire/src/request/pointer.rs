//! Reading single values out of a body by JSON pointers (RFC 6901), for identity by policy.

use crate::json::{Error, Kind, Scanner, Span, Str};
use std::borrow::Cow;

/// Segments of a pointer.
const DEEPEST: usize = 16;

/// A place in a JSON text: `/metadata/user_id`, `/messages/0/name`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pointer(Vec<String>);

impl Pointer {
    /// Reads a pointer, `None` for what is none, for the whole text (an empty one), and for more than 16 segments.
    #[must_use]
    pub fn parse(text: &str) -> Option<Pointer> {
        let segments = text.strip_prefix('/')?.split('/');
        let plain = |segment: &str| {
            let bare = segment.replace("~0", "").replace("~1", "");
            (!bare.contains('~')).then(|| segment.replace("~1", "/").replace("~0", "~"))
        };
        let segments: Option<Vec<String>> = segments.map(plain).collect();
        segments.filter(|segments| segments.len() <= DEEPEST).map(Pointer)
    }
}

/// The scalars at these places, in one pass over the body: strings unescaped, numbers and booleans as they are written.
/// `None` where there is nothing, `null`, an object or an array, where a key on the way is given twice (readers disagree
/// which one counts), and everywhere in a body that is not JSON.
#[must_use]
pub fn read_pointers<'a>(body: &'a [u8], pointers: &[Pointer]) -> Vec<Option<Cow<'a, str>>> {
    let mut found = vec![Found::Nothing; pointers.len()];
    let all: Vec<usize> = (0..pointers.len()).collect();
    let mut read = || {
        let mut scanner = Scanner::over(body)?;
        descend(&mut scanner, pointers, &all, 0, &mut found)?;
        scanner.end()
    };
    if read().is_err() {
        return pointers.iter().map(|_| None).collect();
    }
    found.into_iter().map(Found::value).collect()
}

#[derive(Clone, Debug)]
enum Found<'a> {
    Nothing,
    Twice,
    Value(Cow<'a, str>),
}

impl<'a> Found<'a> {
    fn value(self) -> Option<Cow<'a, str>> {
        match self {
            Found::Value(value) => Some(value),
            Found::Nothing | Found::Twice => None,
        }
    }
}

/// Reads a value on the way of the `active` pointers, whose first `depth` segments lead here.
fn descend<'a>(
    scanner: &mut Scanner<'a>,
    pointers: &[Pointer],
    active: &[usize],
    depth: usize,
    found: &mut [Found<'a>],
) -> Result<(), Error> {
    match scanner.peek()? {
        Kind::Object => {
            let mut members = scanner.object()?;
            let mut seen: Vec<usize> = Vec::new();
            while let Some(key) = members.next(scanner)? {
                let here = leading(pointers, active, depth, &key.key());
                let (again, first): (Vec<usize>, Vec<usize>) = here.iter().partition(|at| seen.contains(at));
                for at in again {
                    mark(found, at, Found::Twice);
                }
                seen.extend(&first);
                value(scanner, pointers, &first, depth, found)?;
            }
        }
        Kind::Array => {
            let mut items = scanner.array()?;
            let mut index = 0usize;
            while items.next(scanner)? {
                let here = leading(pointers, active, depth, &index.to_string());
                value(scanner, pointers, &here, depth, found)?;
                index = index.saturating_add(1);
            }
        }
        _ => {
            scanner.skip()?;
        }
    }
    Ok(())
}

/// Those of the active pointers whose next segment is this one.
fn leading(pointers: &[Pointer], active: &[usize], depth: usize, segment: &str) -> Vec<usize> {
    let leads = |at: &&usize| {
        pointers.get(**at).and_then(|Pointer(path)| path.get(depth)).is_some_and(|name| name == segment)
    };
    active.iter().filter(leads).copied().collect()
}

/// Reads the value that the pointers in `here` lead to with one segment more.
fn value<'a>(
    scanner: &mut Scanner<'a>,
    pointers: &[Pointer],
    here: &[usize],
    depth: usize,
    found: &mut [Found<'a>],
) -> Result<(), Error> {
    let depth = depth.saturating_add(1);
    let ends = |at: &usize| pointers.get(*at).is_some_and(|Pointer(path)| path.len() == depth);
    let (here, further): (Vec<usize>, Vec<usize>) = here.iter().partition(|at| ends(at));
    if here.is_empty() && further.is_empty() {
        return scanner.skip().map(|_| ());
    }
    let kind = scanner.peek()?;
    let start = scanner.at();
    if further.is_empty() {
        scanner.skip()?;
    } else {
        descend(scanner, pointers, &further, depth, found)?;
    }
    let json = scanner.slice(Span { start, end: scanner.at() });
    if let Some(text) = scalar(kind, json) {
        for at in here {
            mark(found, at, Found::Value(text.clone()));
        }
    }
    Ok(())
}

fn scalar(kind: Kind, json: &str) -> Option<Cow<'_, str>> {
    match kind {
        Kind::String => {
            let raw = json.get(1..json.len().saturating_sub(1))?;
            Some(Str { raw, escaped: raw.contains('\\'), at: 0 }.text())
        }
        Kind::Number | Kind::True | Kind::False => Some(Cow::Borrowed(json)),
        Kind::Object | Kind::Array | Kind::Null => None,
    }
}

/// What was given twice stays so.
fn mark<'a>(found: &mut [Found<'a>], at: usize, new: Found<'a>) {
    if let Some(place) = found.get_mut(at)
        && !matches!(place, Found::Twice)
    {
        *place = new;
    }
}
