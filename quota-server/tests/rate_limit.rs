//! Envoy's own rate-limit filter as the client.

mod common;

use common::{Server, acquire, home, sync};
use quota_server::proto::envoy::extensions::common::ratelimit::v3::RateLimitDescriptor;
use quota_server::proto::envoy::extensions::common::ratelimit::v3::rate_limit_descriptor::Entry;
use quota_server::proto::envoy::service::ratelimit::v3::RateLimitRequest;
use quota_server::proto::envoy::service::ratelimit::v3::rate_limit_response::Code;
use quota_server::proto::envoy::service::ratelimit::v3::rate_limit_service_client::RateLimitServiceClient;

const POLICY: &str = "
dimensions:
  tenant: { header: x-tenant-id }
  user: { header: x-user-id }
budgets:
  - { name: user-calls, per: [user], limit: 3 requests, window: 1h,
      overrides: [{ when: { user: eve }, limit: 1 request }] }
  - { name: tenant-tokens, per: [tenant], limit: 1000 tokens, window: 1d }
  - { name: tenant-money, per: [tenant], limit: 1 USD, window: 1d }
";

fn descriptor(entries: &[(&str, &str)], hits_addend: Option<u64>) -> RateLimitDescriptor {
    let entry = |&(key, value): &(&str, &str)| Entry { key: key.into(), value: value.into() };
    RateLimitDescriptor { entries: entries.iter().map(entry).collect(), hits_addend }
}

fn request(descriptors: Vec<RateLimitDescriptor>, hits_addend: u32) -> RateLimitRequest {
    RateLimitRequest { domain: "llm".into(), descriptors, hits_addend }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_counted_per_descriptor_until_the_limit() {
    let home = home(POLICY);
    let server = Server::start(home.path());
    let mut client = RateLimitServiceClient::connect(server.grpc.clone()).await.expect("a connection");

    let ann = || request(vec![descriptor(&[("user", "ann"), ("tenant", "acme")], None)], 0);
    for left in [2, 1, 0] {
        let answer = client.should_rate_limit(ann()).await.expect("answered").into_inner();
        assert_eq!(answer.overall_code(), Code::Ok);
        let status = &answer.statuses[0];
        assert_eq!(status.limit_remaining, left);
        let limit = status.current_limit.as_ref().expect("a limit");
        // 3 is Envoy's HOUR.
        assert_eq!((limit.requests_per_unit, limit.unit, limit.name.as_str()), (3, 3, "user-calls"));
        assert!((0..=3600).contains(&status.duration_until_reset.expect("a reset").seconds));
    }
    let answer = client.should_rate_limit(ann()).await.expect("answered").into_inner();
    assert_eq!((answer.overall_code(), answer.statuses[0].code()), (Code::OverLimit, Code::OverLimit));

    // Eve has a limit of her own.
    let eve = || request(vec![descriptor(&[("user", "eve")], None)], 0);
    for code in [Code::Ok, Code::OverLimit] {
        let answer = client.should_rate_limit(eve()).await.expect("answered").into_inner();
        let status = &answer.statuses[0];
        let limit = status.current_limit.as_ref().expect("a limit").requests_per_unit;
        assert_eq!((answer.overall_code(), status.limit_remaining, limit), (code, 0, 1));
    }
    let budgets = server.json("/v1/budgets");
    let of_eve = budgets["buckets"].as_array().expect("buckets").iter();
    let of_eve: Vec<_> = of_eve.filter(|bucket| bucket["subject"]["user"] == "eve").collect();
    assert_eq!((&of_eve[0]["limit"], &of_eve[0]["remaining"]), (&1.into(), &0.into()));

    // Another user is not concerned, and a descriptor that no budget matches passes.
    let others = vec![descriptor(&[("user", "bob")], None), descriptor(&[("path", "/")], None)];
    let answer = client.should_rate_limit(request(others, 0)).await.expect("answered").into_inner();
    assert_eq!((answer.overall_code(), answer.statuses.len()), (Code::Ok, 2));

    // Without a count of hits no tokens were spent.
    let budgets = server.json("/v1/budgets");
    assert!(
        budgets["buckets"].as_array().expect("buckets").iter().all(|bucket| bucket["budget"] == "user-calls")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn given_hits_are_tokens_too_and_share_the_bucket_with_leases() {
    let home = home(POLICY);
    let server = Server::start(home.path());
    let mut client = RateLimitServiceClient::connect(server.grpc.clone()).await.expect("a connection");

    let tokens = |hits| request(vec![descriptor(&[("tenant", "acme")], Some(hits))], 0);
    let code = client.should_rate_limit(tokens(400)).await.expect("answered").into_inner().overall_code();
    assert_eq!(code, Code::Ok);
    let mut filter = server.client().await;
    let grant =
        filter.acquire(acquire(1, 1, "tenant-tokens", "acme", 500)).await.expect("answered").into_inner();
    // The need and a sixteenth of the 100 left.
    assert_eq!(grant.grants[0].amount, 506);

    let answer = client.should_rate_limit(tokens(95)).await.expect("answered").into_inner();
    assert_eq!((answer.overall_code(), answer.statuses[0].limit_remaining), (Code::OverLimit, 94));
    let code = client.should_rate_limit(tokens(94)).await.expect("answered").into_inner().overall_code();
    assert_eq!(code, Code::Ok);
    filter.sync(sync(1, 1)).await.expect("applied");
    assert_eq!(server.json("/v1/budgets")["buckets"][0]["used"], 494);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_requests_never_pass_the_limit() {
    let home = home(&POLICY.replace("3 requests", "50 requests"));
    let server = Server::start(home.path());
    let client = RateLimitServiceClient::connect(server.grpc.clone()).await.expect("a connection");
    let calls: Vec<_> = (0..200)
        .map(|_| {
            let mut client = client.clone();
            tokio::spawn(async move {
                let asked = request(vec![descriptor(&[("user", "ann")], None)], 0);
                client.should_rate_limit(asked).await.expect("answered").into_inner().overall_code()
                    == Code::Ok
            })
        })
        .collect();
    let mut passed = 0;
    for call in calls {
        passed += u32::from(call.await.expect("done"));
    }
    assert_eq!(passed, 50);
}
