//! Upstreams that refuse requests with `stream_options`, as all workers of the process know them.
//!
//! A client whose request was refused is told to send it again at once, and may well meet another worker then.

use crate::host::{Expected, Host, HostError};

const KEY: &str = "tollkeeper/1/plain-upstreams";
/// Upstreams remembered; calls to further ones are refused once each time, and sent again.
const MOST: usize = 64;
/// Each failed attempt means that another worker got through.
const ATTEMPTS: u32 = 8;

/// Whether the upstream of the stream whose callback runs is known to refuse the field.
pub(crate) fn is_known(host: &dyn Host) -> bool {
    // Most processes have none: then this is all it costs.
    let Ok(Some((known, _))) = host.shared_get(KEY) else { return false };
    contains(&known, &upstream(host))
}

/// The upstream of the stream whose callback runs has refused the field.
pub(crate) fn remember(host: &dyn Host) {
    let name = upstream(host);
    for _ in 0..ATTEMPTS {
        let (mut known, expected) = match host.shared_get(KEY) {
            Ok(Some(found)) => found,
            _ => (Vec::new(), Expected::Absent),
        };
        if contains(&known, &name) || lines(&known).count() >= MOST {
            return;
        }
        known.extend_from_slice(&name);
        known.push(b'\n');
        if host.shared_set(KEY, &known, expected) != Err(HostError::CasMismatch) {
            return;
        }
    }
}

/// One name a line: Envoy's configuration has no line breaks in names of clusters.
fn lines(known: &[u8]) -> impl Iterator<Item = &[u8]> {
    known.split(|byte| *byte == b'\n').filter(|line| !line.is_empty())
}

fn contains(known: &[u8], name: &[u8]) -> bool {
    lines(known).any(|line| line == name)
}

fn upstream(host: &dyn Host) -> Vec<u8> {
    host.property(&["xds", "cluster_name"]).unwrap_or_default()
}
