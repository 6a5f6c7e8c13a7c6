//! How Envoy is told which cluster a call goes to.

use prost::Message;

/// `envoy.config.core.v3.GrpcService`, as far as it is needed.
#[derive(Clone, PartialEq, Message)]
struct GrpcService {
    #[prost(message, optional, tag = "1")]
    envoy_grpc: Option<EnvoyGrpc>,
}

#[derive(Clone, PartialEq, Message)]
struct EnvoyGrpc {
    #[prost(string, tag = "1")]
    cluster_name: String,
}

/// The serialized `GrpcService` of a cluster. The host tries to parse whatever it is given as one before it takes it
/// for a name, so a bare name is never safe: `quota-svc` parses, and aborts Envoy.
pub(crate) fn envoy_cluster(name: &str) -> Vec<u8> {
    GrpcService { envoy_grpc: Some(EnvoyGrpc { cluster_name: name.to_owned() }) }.encode_to_vec()
}

#[cfg(test)]
mod tests {
    use super::envoy_cluster;

    #[test]
    fn a_cluster_is_field_1_of_field_1() {
        assert_eq!(envoy_cluster("quota-svc"), b"\x0a\x0b\x0a\x09quota-svc");
    }
}
