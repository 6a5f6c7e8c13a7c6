//! The stand-in as its callers see it: over a plain connection, so that every byte and every ending shows.

use std::error::Error;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Duration, Instant, sleep, timeout};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// A stand-in of its own for each test.
async fn start() -> Outcome<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    tokio::spawn(provider_stand_in::serve(listener));
    Ok(address)
}

/// An answer read to the end of its connection.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
    trailers: String,
    /// Whether the body ended as HTTP says it must.
    complete: bool,
}

impl Answer {
    fn json(&self) -> Outcome<Value> {
        Ok(serde_json::from_slice(&self.body)?)
    }

    /// The data of its events, without the closing `[DONE]`, which must be there.
    fn chunks(&self) -> Outcome<Vec<Value>> {
        let text = std::str::from_utf8(&self.body)?;
        let text = text.strip_suffix("data: [DONE]\n\n").ok_or("no [DONE]")?;
        let data = text.split_terminator("\n\n").map(|event| event.strip_prefix("data: ").ok_or("no data"));
        data.map(|data| Ok(serde_json::from_str(data?)?)).collect()
    }
}

async fn send(address: &str, method: &str, path: &str, headers: &str, body: &str) -> Outcome<TcpStream> {
    let mut connection = TcpStream::connect(address).await?;
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n"
    );
    connection.write_all(head.as_bytes()).await?;
    connection.write_all(body.as_bytes()).await?;
    Ok(connection)
}

async fn read(mut connection: TcpStream) -> Outcome<Answer> {
    let mut bytes = Vec::new();
    connection.read_to_end(&mut bytes).await?;
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").ok_or("no head")?;
    let head = std::str::from_utf8(&bytes[..end])?.to_lowercase();
    let status = head.split(' ').nth(1).ok_or("no status")?.parse()?;
    let mut rest = &bytes[end + 4..];
    if !head.contains("transfer-encoding: chunked") {
        let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
        let complete = length.is_some_and(|length| length.parse() == Ok(rest.len()));
        return Ok(Answer { status, head, body: rest.to_vec(), trailers: String::new(), complete });
    }
    let (mut body, mut complete) = (Vec::new(), false);
    while let Some(line) = rest.windows(2).position(|window| window == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..line])?, 16)?;
        rest = &rest[line + 2..];
        if size == 0 {
            complete = rest.ends_with(b"\r\n");
            break;
        }
        body.extend(&rest[..size]);
        rest = &rest[size + 2..];
    }
    Ok(Answer { status, head, body, trailers: String::from_utf8(rest.to_vec())?, complete })
}

/// A chat call, steered.
async fn chat(address: &str, steering: &str, extra: Value) -> Outcome<Answer> {
    let headers = format!("x-stand-in: {steering}\r\naccept-encoding: gzip\r\nte: trailers\r\n");
    read(send(address, "POST", "/v1/chat/completions", &headers, &request(extra)).await?).await
}

fn request(extra: Value) -> String {
    let mut request = json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello!"}]});
    for (key, value) in extra.as_object().into_iter().flatten() {
        request[key] = value.clone();
    }
    request.to_string()
}

async fn seen(address: &str) -> Outcome<Value> {
    read(send(address, "GET", "/_seen", "", "").await?).await?.json()
}

/// The only call's record, once it has ended.
async fn ended(address: &str) -> Outcome<Value> {
    let until = Instant::now() + Duration::from_secs(5);
    loop {
        let seen = seen(address).await?;
        assert_eq!(seen.as_array().map(Vec::len), Some(1));
        if !seen[0]["ended"].is_null() || Instant::now() > until {
            return Ok(seen[0].clone());
        }
        sleep(Duration::from_millis(5)).await;
    }
}

/// `Hello!` is 2 tokens of o200k (as OpenAI's tokenizer page shows), in a message of 3 with a role of 1, after 3 of
/// priming.
const PROMPT: u64 = 9;

#[tokio::test]
async fn a_json_answer_is_billed_for_what_it_says() -> Outcome {
    let address = start().await?;
    let answer = chat(&address, "text=tiktoken%20is%20great!; cached=4; reasoning=10", json!({})).await?;
    let json = answer.json()?;
    assert!(answer.complete && answer.status == 200, "{answer:?}");
    assert_eq!(json["object"], "chat.completion");
    assert_eq!(json["model"], "gpt-4o-mini-2024-07-18");
    assert_eq!(json["choices"][0]["message"]["content"], "tiktoken is great!");
    assert_eq!(json["choices"][0]["finish_reason"], "stop");
    let usage = &json["usage"];
    assert_eq!(usage["prompt_tokens"], PROMPT);
    assert_eq!(usage["prompt_tokens_details"]["cached_tokens"], 4);
    assert_eq!(usage["completion_tokens"], 16);
    assert_eq!(usage["completion_tokens_details"]["reasoning_tokens"], 10);
    assert_eq!(usage["total_tokens"], PROMPT + 16);

    let seen = ended(&address).await?;
    assert_eq!((&seen["usage"], &seen["id"], &seen["model"]), (usage, &json["id"], &json!("gpt-4o-mini")));
    assert_eq!((&seen["status"], &seen["ended"]), (&json!(200), &json!("complete")));
    Ok(())
}

#[tokio::test]
async fn the_callers_limit_cuts_the_answer_and_the_bill() -> Outcome {
    let address = start().await?;
    for limit in ["max_tokens", "max_completion_tokens"] {
        let json = chat(&address, "tokens=50", json!({limit: 7, "n": 3})).await?.json()?;
        assert_eq!(json["usage"]["completion_tokens"], 21, "{limit}");
        assert_eq!(json["choices"].as_array().map(Vec::len), Some(3));
        assert_eq!(json["choices"][2]["finish_reason"], "length");
    }
    Ok(())
}

#[tokio::test]
async fn a_stream_carries_usage_only_if_asked() -> Outcome {
    let address = start().await?;
    let without = chat(&address, "tokens=9", json!({"stream": true})).await?.chunks()?;
    assert!(without.iter().all(|chunk| chunk.get("usage").is_none()));

    let options = json!({"stream": true, "stream_options": {"include_usage": true}});
    let with = chat(&address, "tokens=9", options).await?;
    assert!(with.head.contains("content-type: text/event-stream; charset=utf-8"));
    let chunks = with.chunks()?;
    // The role, nine tokens, the reason of the end, the usage.
    assert_eq!(chunks.len(), 1 + 9 + 1 + 1);
    let (last, others) = chunks.split_last().ok_or("no chunks")?;
    assert!(others.iter().all(|chunk| chunk["usage"].is_null() && chunk.get("usage").is_some()));
    assert_eq!(last["choices"], json!([]));
    assert_eq!(last["usage"]["prompt_tokens"], PROMPT);
    assert_eq!(last["usage"]["completion_tokens"], 9);
    assert_eq!(others[0]["choices"][0]["delta"]["role"], "assistant");
    assert_eq!(others[10]["choices"][0]["finish_reason"], "stop");
    assert!(chunks.iter().all(|chunk| chunk["obfuscation"].is_string()));
    Ok(())
}

#[tokio::test]
async fn usage_may_stand_elsewhere_or_be_missing() -> Outcome {
    let address = start().await?;
    let asked = json!({"stream": true, "stream_options": {"include_usage": true}});
    let none = chat(&address, "usage=none", asked.clone()).await?.chunks()?;
    assert!(none.iter().all(|chunk| chunk["usage"].is_null()));
    assert!(chat(&address, "usage=none", json!({})).await?.json()?.get("usage").is_none());

    let with_choices = chat(&address, "usage=with_choices", json!({"stream": true})).await?.chunks()?;
    let last = with_choices.last().ok_or("no chunks")?;
    assert_eq!(last["usage"]["completion_tokens"], 40);
    assert_eq!(last["choices"][0]["finish_reason"], "stop");

    let every = chat(&address, "usage=every", asked).await?.chunks()?;
    let figures: Vec<_> =
        every.iter().filter_map(|chunk| chunk["usage"]["completion_tokens"].as_u64()).collect();
    assert_eq!(figures.len(), every.len());
    assert!(figures.is_sorted() && figures[0] == 0 && figures.ends_with(&[40, 40, 40]), "{figures:?}");
    Ok(())
}

#[tokio::test]
async fn the_same_bytes_however_they_are_cut() -> Outcome {
    let address = start().await?;
    let text = |answer: Answer| -> Outcome<String> {
        let chunks = answer.chunks()?;
        Ok(chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect())
    };
    let whole = text(chat(&address, "tokens=120", json!({"stream": true})).await?)?;
    assert!(whole.contains("🙂") && whole.contains("数える"));
    for how in ["write=batch:7", "write=cut:1", "write=cut:40; seed=3", "write=cut:5000; seed=4"] {
        let cut = chat(&address, &format!("tokens=120; {how}"), json!({"stream": true})).await?;
        assert_eq!(text(cut)?, whole, "{how}");
    }
    Ok(())
}

#[tokio::test]
async fn refusals_have_openais_shape() -> Outcome {
    let address = start().await?;
    for status in [400, 401, 429, 500, 503] {
        let answer = chat(&address, &format!("status={status}; retry_after=2"), json!({})).await?;
        assert_eq!(answer.status, status);
        assert!(answer.head.contains("retry-after: 2"));
        let error = &answer.json()?["error"];
        assert!(error["message"].is_string() && error["type"].is_string(), "{error}");
        assert!(error.get("param").is_some() && error.get("code").is_some(), "{error}");
    }
    let options = json!({"stream": true, "stream_options": {"include_usage": true}});
    let refused = chat(&address, "refuse_stream_options", options).await?;
    assert_eq!((refused.status, &refused.json()?["error"]["param"]), (400, &json!("stream_options")));
    assert_eq!(chat(&address, "refuse_stream_options", json!({"stream": true})).await?.status, 200);

    let seen = seen(&address).await?;
    assert!(seen.as_array().into_iter().flatten().take(6).all(|call| call["usage"].is_null()));
    Ok(())
}

#[tokio::test]
async fn wrong_requests_and_wrong_steering_are_refused() -> Outcome {
    let address = start().await?;
    let path = "/v1/chat/completions";
    for (body, what) in
        [("{", "parse"), ("{}", "model"), (r#"{"model":3}"#, "model"), (r#"{"model":"a"}"#, "messages")]
    {
        let answer = read(send(&address, "POST", path, "", body).await?).await?;
        let message = answer.json()?["error"]["message"].to_string();
        assert!(answer.status == 400 && message.contains(what), "{body}: {message}");
    }
    let not_streamed = chat(&address, "", json!({"stream_options": {"include_usage": true}})).await?;
    assert_eq!(
        (not_streamed.status, &not_streamed.json()?["error"]["param"]),
        (400, &json!("stream_options"))
    );
    let wrong = chat(&address, "tokans=3", json!({})).await?;
    assert!(wrong.status == 400 && wrong.json()?["error"]["message"].to_string().contains("tokans=3"));
    Ok(())
}

#[tokio::test]
async fn a_model_name_can_steer_too() -> Outcome {
    let address = start().await?;
    let headers = "";
    let body = request(json!({"model": "gpt-4?tokens=5"}));
    let answer = read(send(&address, "POST", "/v1/chat/completions", headers, &body).await?).await?;
    let json = answer.json()?;
    assert_eq!((&json["model"], &json["usage"]["completion_tokens"]), (&json!("gpt-4-0613"), &json!(5)));
    Ok(())
}

#[tokio::test]
async fn a_broken_stream_is_billed_as_far_as_it_went() -> Outcome {
    let address = start().await?;
    // The role and five tokens, then the connection is gone.
    let answer = chat(&address, "reset=6", json!({"stream": true})).await?;
    assert!(answer.status == 200 && !answer.complete, "{answer:?}");
    assert_eq!(answer.body.windows(6).filter(|window| window == b"data: ").count(), 6);
    let seen = ended(&address).await?;
    assert_eq!((&seen["ended"], &seen["sent"]["tokens"]), (&json!("reset"), &json!(5)));
    assert_eq!(seen["usage"]["total_tokens"], PROMPT + 5);
    Ok(())
}

#[tokio::test]
async fn a_reset_before_the_answer_leaves_nothing() -> Outcome {
    let address = start().await?;
    assert!(chat(&address, "reset=start", json!({})).await.is_err());
    let seen = ended(&address).await?;
    assert_eq!(
        (&seen["ended"], &seen["status"], &seen["usage"]),
        (&json!("reset"), &json!(null), &json!(null))
    );
    Ok(())
}

#[tokio::test]
async fn a_client_that_hangs_up_is_noticed_and_billed_for_what_was_sent() -> Outcome {
    let address = start().await?;
    let headers = "x-stand-in: hang=4\r\n";
    let body = request(json!({"stream": true}));
    let mut connection = send(&address, "POST", "/v1/chat/completions", headers, &body).await?;
    let mut bytes = Vec::new();
    while bytes.windows(6).filter(|window| window == b"data: ").count() < 4 {
        assert!(connection.read_buf(&mut bytes).await? > 0);
    }
    // The events are all there; now neither more bytes nor an end.
    let mut more = [0; 4096];
    while timeout(Duration::from_millis(50), connection.read(&mut more)).await.is_ok_and(|read| read.is_ok())
    {
    }
    assert!(seen(&address).await?[0]["ended"].is_null());
    drop(connection);
    let seen = ended(&address).await?;
    assert_eq!((&seen["ended"], &seen["usage"]["completion_tokens"]), (&json!("client_gone"), &json!(3)));
    Ok(())
}

#[tokio::test]
async fn delays_are_kept() -> Outcome {
    let address = start().await?;
    let began = Instant::now();
    // Role, three tokens, end, [DONE]: six writes with five gaps.
    chat(&address, "tokens=3; first_ms=40; gap_ms=10", json!({"stream": true})).await?;
    assert!(began.elapsed() >= Duration::from_millis(40 + 5 * 10), "{:?}", began.elapsed());
    Ok(())
}

#[tokio::test]
async fn trailers_follow_where_they_are_asked_for() -> Outcome {
    let address = start().await?;
    for stream in [true, false] {
        let answer = chat(&address, "trailers", json!({"stream": stream})).await?;
        assert!(answer.complete && answer.trailers.contains("x-stand-in-end: complete"), "{answer:?}");
    }
    Ok(())
}

#[tokio::test]
async fn gzip_only_where_it_is_accepted_unless_forced() -> Outcome {
    let address = start().await?;
    let path = "/v1/chat/completions";
    for (steering, accept, zipped) in [
        ("gzip", "gzip", true),
        ("gzip", "identity", false),
        ("gzip=always", "identity", true),
        ("", "gzip", false),
    ] {
        for stream in [true, false] {
            let headers = format!("x-stand-in: {steering}\r\naccept-encoding: {accept}\r\n");
            let body = request(json!({"stream": stream}));
            let mut answer = read(send(&address, "POST", path, &headers, &body).await?).await?;
            assert_eq!(answer.head.contains("content-encoding: gzip"), zipped, "{steering} {accept}");
            if zipped {
                let mut plain = Vec::new();
                std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&answer.body[..]), &mut plain)?;
                answer.body = plain;
            }
            if stream {
                answer.chunks()?;
            } else {
                answer.json()?;
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn other_paths_answer_too_and_all_calls_are_remembered_until_the_reset() -> Outcome {
    let address = start().await?;
    let models =
        read(send(&address, "GET", "/v1/models", "authorization: Bearer abc\r\n", "").await?).await?;
    assert_eq!(models.json()?["data"][0]["object"], "model");
    let other = read(send(&address, "PUT", "/files/7", "x-tenant-id: acme\r\n", "hello").await?).await?;
    assert_eq!((other.status, &other.json()?["bytes"]), (200, &json!(5)));

    let calls = seen(&address).await?;
    assert_eq!(calls[0]["headers"]["authorization"], "present");
    assert_eq!((&calls[1]["method"], &calls[1]["path"]), (&json!("PUT"), &json!("/files/7")));
    assert_eq!(calls[1]["headers"]["x-tenant-id"], "acme");
    read(send(&address, "POST", "/_reset", "", "").await?).await?;
    assert_eq!(seen(&address).await?, json!([]));
    Ok(())
}

#[tokio::test]
async fn a_recorded_answer_is_played_back_on_any_path_and_steered_like_the_others() -> Outcome {
    let address = start().await?;
    let recorded = "{\"usageMetadata\": \"é and 🙂\"}\n";
    let headers =
        "x-recorded-status: 203\r\nx-recorded-content-type: application/json\r\nx-recorded-x-a: b\r\n";
    let stored = read(send(&address, "PUT", "/_recordings/one", headers, recorded).await?).await?;
    assert_eq!(stored.status, 200);

    for path in ["/v1beta/models/gemini:generateContent", "/v1/chat/completions"] {
        let call = |steering: &'static str| {
            let address = address.clone();
            async move {
                let headers = format!("x-stand-in: recording=one; {steering}\r\nte: trailers\r\n");
                read(send(&address, "POST", path, &headers, &request(json!({}))).await?).await
            }
        };
        let whole = call("write=cut:3; seed=2").await?;
        assert!(whole.complete && whole.status == 203, "{whole:?}");
        assert!(whole.head.contains("content-type: application/json") && whole.head.contains("x-a: b"));
        assert_eq!(whole.body, recorded.as_bytes());
        assert!(call("trailers").await?.trailers.contains("x-stand-in-end"));
        let broken = call("write=cut:1; reset=5").await?;
        assert!(!broken.complete && broken.body == recorded.as_bytes()[..5], "{broken:?}");
        let zipped = call("gzip=always").await?;
        let mut plain = String::new();
        std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&zipped.body[..]), &mut plain)?;
        assert_eq!(plain, recorded);
    }
    let calls = seen(&address).await?;
    assert_eq!(calls[0]["body"], request(json!({})));
    assert_eq!(calls[0]["usage"], Value::Null);
    let headers = "x-stand-in: recording=two\r\n";
    assert_eq!(read(send(&address, "POST", "/x", headers, "").await?).await?.status, 400);
    Ok(())
}
