use super::*;
use crate::rules::Rules;
use policy::Policy;

const NOW: u64 = 1_795_458_000_000;

fn refusal(limit: &str, need: u64, retry_in_ms: u64) -> Reply {
    refused(limit, need, retry_in_ms).reply(Api::OpenAiChat, NOW)
}

fn refused(limit: &str, need: u64, retry_in_ms: u64) -> Refusal {
    let window = if limit.contains("concurrent") { "" } else { ", window: 1h" };
    let yaml = format!("budgets: [{{ name: b, limit: {limit}{window} }}]");
    let rules = Rules::new(Policy::from_yaml(&yaml).unwrap());
    let rule = &rules.budgets()[0];
    let shortage = Shortage { rule: 0, limit: rule.budget.limit, need, keep: 0, retry_in_ms };
    Refusal::shortage(rule, rule.budget.limit, &shortage)
}

fn header<'a>(refusal: &'a Reply, name: &str) -> Option<&'a str> {
    refusal.headers.iter().find(|(header, _)| *header == name).map(|(_, value)| value.as_str())
}

fn code(refusal: &Reply) -> String {
    let body: serde_json::Value = serde_json::from_slice(&refusal.body).unwrap();
    body["error"]["code"].as_str().unwrap().to_owned()
}

#[test]
fn a_short_wait_is_a_throttle_that_sdks_retry_after() {
    let refusal = refusal("1000 tokens", 100, 12_300);
    assert_eq!((refusal.status, code(&refusal).as_str()), (429, "rate_limit_exceeded"));
    assert_eq!(header(&refusal, "retry-after"), Some("13"));
    assert_eq!(header(&refusal, "retry-after-ms"), Some("12300"));
    assert_eq!(header(&refusal, "x-ratelimit-limit-tokens"), Some("1000"));
    assert_eq!(header(&refusal, "x-ratelimit-reset-tokens"), Some("12.3s"));
    assert_eq!(header(&refusal, "x-should-retry"), None);
}

#[test]
fn too_many_in_flight_is_a_throttle_that_says_how_many_are_allowed() {
    let refusal = refusal("20 concurrent requests", 1, 1_100);
    assert_eq!((refusal.status, code(&refusal).as_str()), (429, "rate_limit_exceeded"));
    assert_eq!(header(&refusal, "retry-after"), Some("2"));
    assert_eq!(header(&refusal, "retry-after-ms"), Some("1100"));
    assert_eq!(header(&refusal, "x-ratelimit-limit-requests"), None, "those are of requests in a time");
    let text = String::from_utf8_lossy(&refusal.body);
    assert!(text.contains("in flight for budget 'b': at most 20 concurrent requests. Please"), "{text}");
}

#[test]
fn a_bucket_that_is_refilled_says_its_rate_and_its_size() {
    let yaml = "budgets: [{ name: b, limit: 600 tokens, window: refill 60s, burst: 100 tokens }]";
    let rules = Rules::new(Policy::from_yaml(yaml).unwrap());
    let says = |need, retry_in_ms| {
        // The server's limit is what the bucket can hold.
        let shortage = Shortage { rule: 0, limit: 100, need, keep: 0, retry_in_ms };
        let reply = Refusal::shortage(&rules.budgets()[0], 600, &shortage).reply(Api::OpenAiChat, NOW);
        (code(&reply), String::from_utf8(reply.body).unwrap())
    };
    let (code, text) = says(50, 1_500);
    assert_eq!(code, "rate_limit_exceeded");
    assert!(
        text.contains(
            "600 tokens per 1m, refilled all the time, 100 tokens at once. Please try again in 1.5s"
        ),
        "{text}"
    );
    assert_eq!(
        says(101, u64::MAX).0,
        "insufficient_quota",
        "it never fits, though it is less than the limit"
    );
}

#[test]
fn a_budget_that_was_topped_up_says_what_it_has_now() {
    let rules =
        Rules::new(Policy::from_yaml("budgets: [{ name: b, limit: 100 tokens, window: 1d }]").unwrap());
    let shortage = Shortage { rule: 0, limit: 700, need: 900, keep: 0, retry_in_ms: 3_600_000 };
    let reply = Refusal::shortage(&rules.budgets()[0], 100, &shortage).reply(Api::OpenAiChat, NOW);
    let text = String::from_utf8_lossy(&reply.body);
    assert!(text.contains("up to 900 tokens, more than budget 'b' ever has: 700 tokens per 1d"), "{text}");
    assert_eq!(header(&reply, "x-ratelimit-limit-tokens"), Some("700"));
}

#[test]
fn an_exhausted_budget_is_not_retried() {
    let refusal = refusal("20 requests", 1, 360_000);
    assert_eq!((refusal.status, code(&refusal).as_str()), (429, "insufficient_quota"));
    assert_eq!(header(&refusal, "x-should-retry"), Some("false"));
    assert_eq!(header(&refusal, "retry-after"), None);
    assert_eq!(header(&refusal, "x-ratelimit-reset-requests"), Some("6m0s"));
}

#[test]
fn a_request_that_can_never_fit_is_told_so_however_soon_the_reset() {
    let refusal = refusal("1000 tokens", 5_000, 2_000);
    assert_eq!(code(&refusal), "insufficient_quota");
    assert!(String::from_utf8_lossy(&refusal.body).contains("up to 5000 tokens"));
}

#[test]
fn money_is_written_as_money() {
    let refusal = refusal("0.50 USD", 1, 3_600_000);
    assert!(String::from_utf8_lossy(&refusal.body).contains("0.50 USD per 1h"));
    assert_eq!(header(&refusal, "x-ratelimit-limit-tokens"), None);
}

fn reply(kind: &str, api: Api) -> (u32, serde_json::Value, Reply) {
    let refusal = match kind {
        "throttled" => refused("1000 tokens", 100, 12_300),
        "exhausted" => refused("1000 tokens", 100, 360_000),
        "unavailable" => Refusal::unavailable(),
        _ => Refusal::unreadable("No."),
    };
    let reply = refusal.reply(api, NOW);
    (reply.status, serde_json::from_slice(&reply.body).unwrap(), reply)
}

#[test]
fn anthropics_clients_get_anthropics_errors() {
    for (kind, status, name) in [
        ("throttled", 429, "rate_limit_error"),
        ("exhausted", 429, "rate_limit_error"),
        ("unavailable", 503, "api_error"),
        ("unreadable", 400, "invalid_request_error"),
    ] {
        let (found, body, _) = reply(kind, Api::AnthropicMessages);
        assert_eq!((found, &body["type"], &body["error"]["type"]), (status, &"error".into(), &name.into()));
        assert!(body["error"]["message"].is_string());
    }
    let (_, _, reply) = reply("throttled", Api::AnthropicMessages);
    assert_eq!(header(&reply, "anthropic-ratelimit-tokens-limit"), Some("1000"));
    assert_eq!(header(&reply, "anthropic-ratelimit-tokens-reset"), Some("2026-11-23T18:20:13Z"));
    assert_eq!(header(&reply, "retry-after"), Some("13"));
}

#[test]
fn googles_clients_get_googles_errors() {
    for (kind, status, name) in [
        ("throttled", 429, "RESOURCE_EXHAUSTED"),
        ("exhausted", 429, "RESOURCE_EXHAUSTED"),
        ("unavailable", 503, "UNAVAILABLE"),
        ("unreadable", 400, "INVALID_ARGUMENT"),
    ] {
        let (found, body, _) = reply(kind, Api::GeminiGenerate);
        assert_eq!((found, &body["error"]["code"]), (status, &status.into()));
        assert_eq!(body["error"]["status"], name);
    }
    let (_, body, _) = reply("throttled", Api::GeminiGenerate);
    assert_eq!(body["error"]["details"][1]["retryDelay"], "12.300s");
}

#[test]
fn bedrocks_clients_are_only_throttled_where_trying_again_helps() {
    for (kind, status, name) in [
        ("throttled", 429, "ThrottlingException"),
        ("exhausted", 400, "ServiceQuotaExceededException"),
        ("unavailable", 503, "ServiceUnavailableException"),
        ("unreadable", 400, "ValidationException"),
    ] {
        let (found, body, reply) = reply(kind, Api::BedrockConverse);
        assert_eq!((found, header(&reply, "x-amzn-errortype")), (status, Some(name)));
        assert!(body["message"].is_string());
    }
}

#[test]
fn coheres_and_ollamas_clients_get_theirs() {
    assert_eq!(reply("throttled", Api::CohereChatV2).0, 429);
    assert_eq!(reply("exhausted", Api::CohereChatV2).0, 402, "its SDK would retry a 429");
    assert!(reply("exhausted", Api::CohereChatV1).1["message"].is_string());
    assert!(reply("exhausted", Api::OllamaChat).1["error"].is_string());
}
