//! A streamed answer of each provider and framing.

pub(super) struct Streamed {
    pub(super) name: &'static str,
    pub(super) host: &'static str,
    pub(super) path: &'static str,
    pub(super) ask: &'static str,
    pub(super) content_type: &'static str,
    pub(super) pieces: Vec<Vec<u8>>,
    pub(super) tokens: [u64; 4],
    /// What a client pays that leaves after all but the last two pieces: at least so much output.
    pub(super) seen: u64,
}

fn events(data: &[&str]) -> Vec<Vec<u8>> {
    data.iter().map(|data| format!("data: {data}\n\n").into_bytes()).collect()
}

fn lines(data: &[&str]) -> Vec<Vec<u8>> {
    data.iter().map(|data| format!("{data}\n").into_bytes()).collect()
}

/// A message of AWS's event stream; CRC-32 bit by bit.
fn message(event: &str, payload: &str) -> Vec<u8> {
    let crc = |bytes: &[u8]| {
        let step = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 };
        !bytes.iter().fold(!0u32, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
    };
    let mut headers = Vec::new();
    for (name, value) in [(":event-type", event), (":message-type", "event")] {
        headers.extend(
            [&[name.len() as u8], name.as_bytes(), &[7, 0, value.len() as u8], value.as_bytes()].concat(),
        );
    }
    let total = (16 + headers.len() + payload.len()) as u32;
    let mut message = [total.to_be_bytes(), (headers.len() as u32).to_be_bytes()].concat();
    message.extend(crc(&message).to_be_bytes());
    message.extend([headers.as_slice(), payload.as_bytes()].concat());
    message.extend(crc(&message).to_be_bytes());
    message
}

pub(super) fn streams() -> Vec<Streamed> {
    vec![
        Streamed {
            name: "openai responses",
            host: "api.openai.com",
            path: "/v1/responses",
            ask: r#"{"model":"gpt-4o","stream":true,"input":"Say hello."}"#,
            content_type: "text/event-stream",
            pieces: events(&[
                r#"{"type":"response.created","response":{"id":"r","object":"response","status":"in_progress","model":"gpt-4o","output":[],"usage":null}}"#,
                r#"{"type":"response.output_item.added","output_index":0,"item":{"id":"m","type":"message","status":"in_progress","role":"assistant","content":[]}}"#,
                r#"{"type":"response.output_text.delta","item_id":"m","output_index":0,"content_index":0,"delta":"Hello there"}"#,
                r#"{"type":"response.output_text.done","item_id":"m","output_index":0,"content_index":0,"text":"Hello there"}"#,
                r#"{"type":"response.completed","response":{"id":"r","object":"response","status":"completed","model":"gpt-4o","output":[],"usage":{"input_tokens":11,"input_tokens_details":{"cached_tokens":0},"output_tokens":3,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":14}}}"#,
            ]),
            tokens: [11, 0, 3, 0],
            seen: 2,
        },
        Streamed {
            name: "anthropic",
            host: "api.anthropic.com",
            path: "/v1/messages",
            ask: r#"{"model":"claude-sonnet-4-5","max_tokens":50,"stream":true,"messages":[{"role":"user","content":"Say hello."}]}"#,
            content_type: "text/event-stream; charset=utf-8",
            pieces: events(&[
                r#"{"type":"message_start","message":{"id":"m","type":"message","role":"assistant","content":[],"model":"claude-sonnet-4-5","usage":{"input_tokens":10,"cache_read_input_tokens":0,"cache_creation_input_tokens":0,"output_tokens":1}}}"#,
                r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
                r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello there"}}"#,
                r#"{"type":"content_block_stop","index":0}"#,
                r#"{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":6}}"#,
                r#"{"type":"message_stop"}"#,
            ]),
            tokens: [10, 0, 6, 0],
            seen: 2,
        },
        Streamed {
            name: "gemini, events",
            host: "generativelanguage.googleapis.com",
            path: "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
            ask: r#"{"contents":[{"parts":[{"text":"Say hello."}]}]}"#,
            content_type: "text/event-stream",
            pieces: events(&[
                r#"{"candidates":[{"content":{"parts":[{"text":"Hello"}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":8,"candidatesTokenCount":1,"totalTokenCount":9},"modelVersion":"gemini-2.5-flash"}"#,
                r#"{"candidates":[{"content":{"parts":[{"text":" there"}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":8,"candidatesTokenCount":2,"totalTokenCount":10},"modelVersion":"gemini-2.5-flash"}"#,
                r#"{"candidates":[{"content":{"parts":[{"text":"!"}],"role":"model"},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":8,"candidatesTokenCount":3,"totalTokenCount":11},"modelVersion":"gemini-2.5-flash"}"#,
            ]),
            tokens: [8, 0, 3, 0],
            seen: 1,
        },
        Streamed {
            name: "gemini, an array",
            host: "generativelanguage.googleapis.com",
            path: "/v1beta/models/gemini-2.5-flash:streamGenerateContent",
            ask: r#"{"contents":[{"parts":[{"text":"Say hello."}]}]}"#,
            content_type: "application/json",
            pieces: [
                "[{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Hello there\"}],\"role\":\"model\"},\"index\":0}],\"modelVersion\":\"gemini-2.5-flash\"}\n",
                ",\n",
                "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"!\"}],\"role\":\"model\"},\"finishReason\":\"STOP\",\"index\":0}],\"usageMetadata\":{\"promptTokenCount\":8,\"candidatesTokenCount\":3,\"totalTokenCount\":11}}\n]",
            ]
            .map(|piece| piece.as_bytes().to_vec())
            .to_vec(),
            tokens: [8, 0, 3, 0],
            seen: 2,
        },
        Streamed {
            name: "bedrock converse",
            host: "bedrock-runtime.us-east-1.amazonaws.com",
            path: "/model/us.amazon.nova-micro-v1%3A0/converse-stream",
            ask: r#"{"messages":[{"role":"user","content":[{"text":"Say hello."}]}]}"#,
            content_type: "application/vnd.amazon.eventstream",
            pieces: vec![
                message("messageStart", r#"{"role":"assistant"}"#),
                message("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"Hello there"}}"#),
                message("contentBlockStop", r#"{"contentBlockIndex":0}"#),
                message("messageStop", r#"{"stopReason":"end_turn"}"#),
                message("metadata", r#"{"metrics":{"latencyMs":1},"usage":{"inputTokens":7,"outputTokens":3,"totalTokens":10}}"#),
            ],
            tokens: [7, 0, 3, 0],
            seen: 2,
        },
        Streamed {
            name: "bedrock invoke",
            host: "bedrock-runtime.us-east-1.amazonaws.com",
            path: "/model/meta.llama3-8b-instruct-v1%3A0/invoke-with-response-stream",
            ask: r#"{"prompt":"Say hello."}"#,
            content_type: "application/vnd.amazon.eventstream",
            pieces: vec![
                // {"generation":"Hello there","prompt_token_count":6,"generation_token_count":2,"stop_reason":null}
                message("chunk", r#"{"bytes":"eyJnZW5lcmF0aW9uIjoiSGVsbG8gdGhlcmUiLCJwcm9tcHRfdG9rZW5fY291bnQiOjYsImdlbmVyYXRpb25fdG9rZW5fY291bnQiOjIsInN0b3BfcmVhc29uIjpudWxsfQ=="}"#),
                // {"generation":"!","prompt_token_count":null,"generation_token_count":3,"stop_reason":null}
                message("chunk", r#"{"bytes":"eyJnZW5lcmF0aW9uIjoiISIsInByb21wdF90b2tlbl9jb3VudCI6bnVsbCwiZ2VuZXJhdGlvbl90b2tlbl9jb3VudCI6Mywic3RvcF9yZWFzb24iOm51bGx9"}"#),
                // {"generation":"","prompt_token_count":null,"generation_token_count":4,"stop_reason":"stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":6,"outputTokenCount":4,"invocationLatency":9,"firstByteLatency":5}}
                message("chunk", r#"{"bytes":"eyJnZW5lcmF0aW9uIjoiIiwicHJvbXB0X3Rva2VuX2NvdW50IjpudWxsLCJnZW5lcmF0aW9uX3Rva2VuX2NvdW50Ijo0LCJzdG9wX3JlYXNvbiI6InN0b3AiLCJhbWF6b24tYmVkcm9jay1pbnZvY2F0aW9uTWV0cmljcyI6eyJpbnB1dFRva2VuQ291bnQiOjYsIm91dHB1dFRva2VuQ291bnQiOjQsImludm9jYXRpb25MYXRlbmN5Ijo5LCJmaXJzdEJ5dGVMYXRlbmN5Ijo1fX0="}"#),
            ],
            tokens: [6, 0, 4, 0],
            seen: 2,
        },
        Streamed {
            name: "cohere 2",
            host: "api.cohere.com",
            path: "/v2/chat",
            ask: r#"{"model":"command-r7b-12-2024","stream":true,"messages":[{"role":"user","content":"Say hello."}]}"#,
            content_type: "text/event-stream",
            pieces: events(&[
                r#"{"type":"message-start","id":"m","delta":{"message":{"role":"assistant","content":[]}}}"#,
                r#"{"type":"content-start","index":0,"delta":{"message":{"content":{"type":"text","text":""}}}}"#,
                r#"{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"Hello there"}}}}"#,
                r#"{"type":"content-end","index":0}"#,
                r#"{"type":"message-end","delta":{"finish_reason":"COMPLETE","usage":{"billed_units":{"input_tokens":4,"output_tokens":2}}}}"#,
            ]),
            tokens: [4, 0, 2, 0],
            seen: 2,
        },
        Streamed {
            name: "cohere 1",
            host: "api.cohere.com",
            path: "/v1/chat",
            ask: r#"{"model":"command-r","stream":true,"message":"Say hello."}"#,
            content_type: "application/stream+json",
            pieces: lines(&[
                r#"{"is_finished":false,"event_type":"stream-start","generation_id":"g"}"#,
                r#"{"is_finished":false,"event_type":"text-generation","text":"Hello there"}"#,
                r#"{"is_finished":false,"event_type":"text-generation","text":"!"}"#,
                r#"{"is_finished":true,"event_type":"stream-end","finish_reason":"COMPLETE","response":{"text":"Hello there!","meta":{"billed_units":{"input_tokens":4,"output_tokens":3}}}}"#,
            ]),
            tokens: [4, 0, 3, 0],
            seen: 2,
        },
        Streamed {
            name: "ollama chat",
            host: "localhost:11434",
            path: "/api/chat",
            ask: r#"{"model":"llama3.2","messages":[{"role":"user","content":"Say hello."}]}"#,
            content_type: "application/x-ndjson",
            pieces: lines(&[
                r#"{"model":"llama3.2","created_at":"2026-11-24T10:00:00Z","message":{"role":"assistant","content":"Hello there"},"done":false}"#,
                r#"{"model":"llama3.2","created_at":"2026-11-24T10:00:00Z","message":{"role":"assistant","content":"!"},"done":false}"#,
                r#"{"model":"llama3.2","created_at":"2026-11-24T10:00:01Z","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","prompt_eval_count":28,"eval_count":4}"#,
            ]),
            tokens: [28, 0, 4, 0],
            seen: 2,
        },
        Streamed {
            name: "ollama generate",
            host: "localhost:11434",
            path: "/api/generate",
            ask: r#"{"model":"llama3.2","prompt":"Say hello."}"#,
            content_type: "application/x-ndjson",
            pieces: lines(&[
                r#"{"model":"llama3.2","created_at":"2026-11-24T10:00:00Z","response":"Hello there","done":false}"#,
                r#"{"model":"llama3.2","created_at":"2026-11-24T10:00:00Z","response":"!","done":false}"#,
                r#"{"model":"llama3.2","created_at":"2026-11-24T10:00:01Z","response":"","done":true,"done_reason":"stop","prompt_eval_count":28,"eval_count":4}"#,
            ]),
            tokens: [28, 0, 4, 0],
            seen: 2,
        },
    ]
}
