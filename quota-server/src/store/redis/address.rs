//! Where a Redis is, as people write it:
//! `redis://[USER:PASSWORD@]HOST:PORT[,HOST:PORT...][/DATABASE][?prefix=NAME&wait=REPLICAS&master=NAME]`, or `rediss://`
//! with TLS.

use redis::{Client, ConnectionInfo, IntoConnectionInfo, TlsCertificates};
use std::fmt;

const FORM: &str = "expected redis://[USER:PASSWORD@]HOST:PORT[,HOST:PORT...][/DATABASE][?prefix=NAME&wait=REPLICAS&master=NAME], \
                    or rediss://...[?ca=FILE] with TLS";

const PREFIX: &str = "tollkeeper";

/// Prints without the password.
#[derive(Clone)]
pub struct Address {
    /// Nodes to ask for the one that has our keys.
    pub(super) seeds: Vec<ConnectionInfo>,
    /// In braces at the beginning of every key, so that a Cluster keeps all of a deployment on one node.
    pub(super) prefix: String,
    /// What Sentinels call the master, where they watch more than one.
    pub(super) master: Option<String>,
    /// How many replicas have to have a commit before it counts.
    pub(super) wait: u32,
    shown: String,
}

impl Address {
    #[must_use]
    pub fn is_one(text: &str) -> bool {
        text.starts_with("redis://") || text.starts_with("rediss://")
    }

    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Address, String> {
        let (scheme, rest) = text.split_once("://").filter(|_| Address::is_one(text)).ok_or(FORM)?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (rest, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, hosts) = match rest.rsplit_once('@') {
            Some((user, hosts)) => (format!("{user}@"), hosts),
            None => (String::new(), rest),
        };
        let seed = |host: &str| {
            if host.is_empty() {
                return Err(FORM.to_owned());
            }
            let one = format!("{scheme}://{user}{host}/{database}");
            one.as_str().into_connection_info().map_err(|error| format!("{host}/{database}: {error}"))
        };
        let mut seeds = hosts.split(',').map(seed).collect::<Result<Vec<_>, _>>()?;
        let (mut prefix, mut wait, mut master) = (PREFIX.to_owned(), 0, None);
        for option in query.split('&').filter(|option| !option.is_empty()) {
            match option.split_once('=') {
                Some(("prefix", name)) if !name.is_empty() && name.chars().all(is_plain) => {
                    name.clone_into(&mut prefix);
                }
                Some(("prefix", _)) => return Err("prefix: expected letters, digits, - . _".to_owned()),
                Some(("wait", count)) => {
                    wait = count.parse().map_err(|_| "wait: expected a number of replicas".to_owned())?;
                }
                Some(("master", name)) if !name.is_empty() => master = Some(name.to_owned()),
                Some(("ca", file)) if scheme == "rediss" => {
                    let pem = std::fs::read(file).map_err(|error| format!("ca: {file}: {error}"))?;
                    seeds = trusting(seeds, &pem).map_err(|error| format!("ca: {file}: {error}"))?;
                }
                _ => {
                    return Err(format!(
                        "{option}: unknown; there are prefix=NAME, wait=REPLICAS, master=NAME, and with rediss:// ca=FILE"
                    ));
                }
            }
        }
        let shown = format!("{scheme}://{hosts}/{database}");
        Ok(Address { seeds, prefix: format!("{{{prefix}}}:"), wait, master, shown })
    }
}

/// Only nodes with certificates from these authorities, instead of those the machine trusts.
fn trusting(nodes: Vec<ConnectionInfo>, authorities: &[u8]) -> redis::RedisResult<Vec<ConnectionInfo>> {
    let trusting = |node| {
        let certificates = TlsCertificates { client_tls: None, root_cert: Some(authorities.to_vec()) };
        Ok(Client::build_with_tls(node, certificates)?.get_connection_info().clone())
    };
    nodes.into_iter().map(trusting).collect()
}

fn is_plain(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "-._".contains(letter)
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_becomes_a_hash_tag_and_replicas_are_waited_for() {
        let address = Address::parse("redis://10.0.0.1:7000,10.0.0.2:7001/3?prefix=blue&wait=2").unwrap();
        assert_eq!((address.prefix.as_str(), address.wait, address.seeds.len()), ("{blue}:", 2, 2));
        assert_eq!(address.seeds[1].addr().to_string(), "10.0.0.2:7001");
        assert_eq!(address.seeds[1].redis_settings().db(), 3);
        assert_eq!(Address::parse("redis://a?master=main").unwrap().master.as_deref(), Some("main"));
        let plain = Address::parse("redis://localhost").unwrap();
        assert_eq!((plain.prefix.as_str(), plain.wait), ("{tollkeeper}:", 0));
        assert_eq!(plain.seeds[0].addr().to_string(), "localhost:6379");
    }

    #[test]
    fn a_password_is_used_and_never_shown() {
        let address = Address::parse("redis://ann:s%40cret@one:1,two:2").unwrap();
        for seed in &address.seeds {
            assert_eq!(seed.redis_settings().username(), Some("ann"));
            assert_eq!(seed.redis_settings().password(), Some("s@cret"));
        }
        assert_eq!(format!("{address} {address:?}"), "redis://one:1,two:2/ redis://one:1,two:2/");
    }

    #[test]
    fn what_is_wrong_is_named() {
        let wrong = |text| Address::parse(text).unwrap_err();
        assert!(wrong("redis://").starts_with("expected redis://"));
        assert!(wrong("redis://a,,b").starts_with("expected redis://"));
        assert!(wrong("redis://a/x").starts_with("a/x: "));
        assert_eq!(wrong("redis://a?wait=many"), "wait: expected a number of replicas");
        assert_eq!(wrong("redis://a?prefix={x}"), "prefix: expected letters, digits, - . _");
        assert_eq!(
            wrong("redis://a?wiat=1"),
            "wiat=1: unknown; there are prefix=NAME, wait=REPLICAS, master=NAME, and with rediss:// ca=FILE"
        );
        assert!(wrong("redis://a?ca=x").starts_with("ca=x: unknown"));
        assert!(wrong("rediss://a?ca=/nowhere").starts_with("ca: /nowhere: No such file"));
    }
}
