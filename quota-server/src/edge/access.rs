//! Who may do what over HTTP, and who may speak gRPC.

use super::token::{self, Hash};
use serde::Deserialize;
use std::fmt;
use std::path::Path;

/// What a caller may do; each may do what those before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Read usage, budgets and metrics.
    Viewer,
    /// Raise and reset budgets, have files read again.
    Operator,
    /// Everything, such as taking the whole store away as a backup.
    Admin,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Role::Viewer => "viewer",
            Role::Operator => "operator",
            Role::Admin => "admin",
        })
    }
}

/// Who asks, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    pub name: String,
    pub role: Role,
}

/// The access file: tokens by their hash, each with a name and a role.
#[derive(Clone, Debug)]
pub struct Access(Vec<(Hash, Caller)>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    tokens: Vec<serde_saphyr::Spanned<Entry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    role: Role,
    sha256: String,
}

impl Access {
    /// # Errors
    /// What is wrong with the file, with its path and line.
    pub fn read(path: &Path) -> Result<Access, String> {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Access::from_yaml(&text).map_err(|problem| format!("{}: {problem}", path.display()))
    }

    fn from_yaml(text: &str) -> Result<Access, String> {
        let file: File = serde_saphyr::from_str(text).map_err(|error| error.without_snippet().to_string())?;
        if file.tokens.is_empty() {
            return Err("no tokens: nobody could come in (`tollkeeper token` makes one)".to_owned());
        }
        let mut entries: Vec<(Hash, Caller)> = Vec::with_capacity(file.tokens.len());
        for spanned in file.tokens {
            let line = spanned.referenced.line();
            let entry = spanned.value;
            let wrong = |what: String| Err(format!("line {line}: {what}"));
            let Some(hash) = Hash::read(&entry.sha256) else {
                return wrong(format!(
                    "sha256 of '{}' is not 64 hexadecimal digits (`tollkeeper token` prints the whole entry)",
                    entry.name
                ));
            };
            if entry.name.is_empty() || entries.iter().any(|(_, caller)| caller.name == entry.name) {
                return wrong(format!(
                    "name '{}' is empty or taken: the audit tells callers by it",
                    entry.name
                ));
            }
            if let Some((_, other)) = entries.iter().find(|(known, _)| known.is(&hash)) {
                return wrong(format!("'{}' has the same token as '{}'", entry.name, other.name));
            }
            entries.push((hash, Caller { name: entry.name, role: entry.role }));
        }
        Ok(Access(entries))
    }

    /// Whose token this is. Every entry is compared, so that the time tells nothing of which.
    #[must_use]
    pub fn caller(&self, token: &str) -> Option<&Caller> {
        let hash = Hash::of(token);
        self.0.iter().fold(None, |found, (known, caller)| if known.is(&hash) { Some(caller) } else { found })
    }
}

/// The tokens by which Envoys are known: a file with one a line, so that a new one can be added before an old one goes.
#[derive(Clone, Debug)]
pub struct SharedTokens(Vec<Hash>);

impl SharedTokens {
    /// # Errors
    /// What is wrong with the file, with its path and line. Says nothing of what a line holds.
    pub fn read(path: &Path) -> Result<SharedTokens, String> {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let mut hashes = Vec::new();
        for (line, token) in text.lines().map(str::trim).enumerate() {
            if token.is_empty() || token.starts_with('#') {
                continue;
            }
            token::check(token)
                .map_err(|problem| format!("{}: line {}: {problem}", path.display(), line + 1))?;
            hashes.push(Hash::of(token));
        }
        if hashes.is_empty() {
            return Err(format!("{}: no token in it (`tollkeeper token` makes one)", path.display()));
        }
        Ok(SharedTokens(hashes))
    }

    #[must_use]
    pub fn has(&self, token: &str) -> bool {
        let hash = Hash::of(token);
        self.0.iter().filter(|known| known.is(&hash)).count() > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, role: &str, token: &str) -> String {
        format!("  - {{ name: {name}, role: {role}, sha256: {} }}\n", Hash::of(token).hex())
    }

    #[test]
    fn a_token_is_known_by_its_hash() {
        let text =
            format!("tokens:\n{}{}", entry("ann", "operator", "a-token"), entry("bob", "viewer", "b-token"));
        let access = Access::from_yaml(&text).unwrap();
        assert_eq!(access.caller("a-token"), Some(&Caller { name: "ann".into(), role: Role::Operator }));
        assert_eq!(access.caller("b-token").map(|caller| caller.role), Some(Role::Viewer));
        assert_eq!(access.caller("c-token"), None);
        assert_eq!(access.caller(&Hash::of("a-token").hex()), None, "the hash opens nothing");
    }

    #[test]
    fn roles_include_the_lesser_ones() {
        assert!(Role::Admin > Role::Operator && Role::Operator > Role::Viewer);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (text, words) in [
            ("tokens: []".to_owned(), "no tokens"),
            ("token: []".to_owned(), "token"),
            ("tokens:\n  - { name: ann, role: boss, sha256: a }".to_owned(), "boss"),
            (
                "tokens:\n  - { name: ann, role: admin, sha256: a-token }".to_owned(),
                "line 2: sha256 of 'ann'",
            ),
            (
                format!("tokens:\n{}{}", entry("ann", "admin", "x"), entry("ann", "viewer", "y")),
                "line 3: name 'ann'",
            ),
            (
                format!("tokens:\n{}{}", entry("ann", "admin", "x"), entry("bob", "viewer", "x")),
                "line 3: 'bob' has",
            ),
        ] {
            let problem = Access::from_yaml(&text).unwrap_err();
            assert!(problem.contains(words), "{text}: {problem}");
        }
    }

    #[test]
    fn shared_tokens_are_one_a_line() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("tokens");
        let (new, old) = ("n".repeat(32), "o".repeat(32));
        std::fs::write(&path, format!("# in use since October\n{new}\n\n{old}\n")).unwrap();
        let tokens = SharedTokens::read(&path).unwrap();
        assert!(tokens.has(&new) && tokens.has(&old) && !tokens.has("") && !tokens.has(&"x".repeat(32)));

        std::fs::write(&path, format!("{new}\nsecret\n")).unwrap();
        let problem = SharedTokens::read(&path).unwrap_err();
        assert!(problem.contains("line 2") && !problem.contains("secret"), "{problem}");
        std::fs::write(&path, "\n").unwrap();
        assert!(SharedTokens::read(&path).unwrap_err().contains("no token in it"));
    }
}
