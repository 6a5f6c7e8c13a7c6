//! Conversations that are too long lose their oldest turns, and nothing else.

// Clippy takes only the test functions themselves for tests, not what they share.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

use serde_json::{Value, json};
use tokens::{Cache, Model};
use wire::{Request, Rewrite, Trim, recognise};

fn read(path: &str, body: &str) -> Request {
    let route = recognise(b"POST", path.as_bytes(), b"").unwrap();
    Request::read(&route, b"", body.as_bytes()).unwrap().unwrap()
}

/// The body with at most so many tokens, and what was left out.
fn trimmed(path: &str, body: &str, most: u64) -> Option<(String, Trim)> {
    let request = read(path, body);
    let trim = request.trim(body.as_bytes(), &Model::of("gpt-4o"), most, &mut Cache::new())?;
    let edits = Rewrite { trim: Some(&trim), ..Rewrite::default() };
    let changed = request.rewrite(body.as_bytes(), &edits).expect("something was left out");
    Some((String::from_utf8(changed).unwrap(), trim))
}

const CHAT: &str = "/v1/chat/completions";

/// Fourteen tokens as OpenAI counted a message in a prompt of one (cookbook's rule: 3 around it, 3 for the answer).
const LONG: &str = "What is the capital of France?";

#[test]
fn the_oldest_turns_go_and_system_messages_and_the_last_turn_stay() {
    let user = |text: &str| format!(r#"{{"role":"user", "content":"{text}"}}"#);
    let answer = r#"{"role":"assistant","content":"Paris."}"#;
    let body = |turns: &str| format!(r#"{{"model":"gpt-4o", "messages" : [ {turns} ] ,"seed":1}}"#);
    let system = r#"{"role":"system","content":"Be brief."}"#;
    let all = body(&format!(
        "{system} , {} ,{answer}, {}\n,\n{answer} , {}",
        user("one"),
        user("two"),
        user("three")
    ));
    let total =
        read(CHAT, &all).count_prompt(all.as_bytes(), &Model::of("gpt-4o"), &mut Cache::new()).tokens();
    assert_eq!(trimmed(CHAT, &all, total), None);

    let (changed, trim) = trimmed(CHAT, &all, total - 1).unwrap();
    assert_eq!(changed, body(&format!("{system} , {}\n,\n{answer} , {}", user("two"), user("three"))));
    assert_eq!((trim.turns, trim.messages, trim.bytes), (1, 2, (all.len() - changed.len()) as u64));
    let left = read(CHAT, &changed)
        .count_prompt(changed.as_bytes(), &Model::of("gpt-4o"), &mut Cache::new())
        .tokens();
    assert_eq!((trim.remaining, trim.tokens), (left, total - left));

    let (changed, trim) = trimmed(CHAT, &all, 0).unwrap();
    assert_eq!(changed, body(&format!("{system} , {}", user("three"))));
    assert_eq!((trim.turns, trim.messages), (2, 4));
    // One turn is left: nothing more to leave out.
    assert_eq!(trimmed(CHAT, &changed, 0), None);
}

#[test]
fn calls_of_tools_and_their_results_go_or_stay_together_in_every_format() {
    let chat = json!({"model": "gpt-4o", "messages": [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": null, "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "c", "content": LONG},
        {"role": "assistant", "content": "b"},
        {"role": "user", "content": "z"}]});
    let anthropic = json!({"model": "claude-haiku-4-5", "max_tokens": 9, "system": "s", "messages": [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "c", "name": "f", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": LONG}]},
        {"role": "assistant", "content": "b"},
        {"role": "user", "content": "z"}]});
    let gemini = json!({"contents": [
        {"role": "user", "parts": [{"text": "a"}]},
        {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"r": LONG}}}]},
        {"role": "model", "parts": [{"text": "b"}]},
        {"parts": [{"text": "z"}]}]});
    let converse = json!({"messages": [
        {"role": "user", "content": [{"text": "a"}]},
        {"role": "assistant", "content": [{"toolUse": {"toolUseId": "c", "name": "f", "input": {}}}]},
        {"role": "user", "content": [{"toolResult": {"toolUseId": "c", "content": [{"text": LONG}]}}]},
        {"role": "assistant", "content": [{"text": "b"}]},
        {"role": "user", "content": [{"text": "z"}]}]});
    let cohere = json!({"model": "command-a", "messages": [
        {"role": "user", "content": "a"},
        {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "c", "content": LONG},
        {"role": "assistant", "content": "b"},
        {"role": "user", "content": "z"}]});
    let ollama = json!({"model": "llama3.2", "messages": [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "f", "arguments": {}}}]},
        {"role": "tool", "tool_name": "f", "content": LONG},
        {"role": "assistant", "content": "b"},
        {"role": "user", "content": "z"}]});
    let responses = json!({"model": "gpt-4o", "input": [
        {"role": "user", "content": "a"},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": LONG},
        {"role": "assistant", "content": "b"},
        {"role": "user", "content": "z"}]});
    for (path, field, body) in [
        (CHAT, "messages", chat),
        ("/v1/messages", "messages", anthropic),
        ("/v1beta/models/gemini-2.5-pro:generateContent", "contents", gemini),
        ("/model/amazon.nova-lite-v1:0/converse", "messages", converse.clone()),
        ("/model/amazon.nova-lite-v1:0/invoke", "messages", converse),
        ("/v2/chat", "messages", cohere),
        ("/api/chat", "messages", ollama),
        ("/v1/responses", "input", responses),
    ] {
        let (changed, trim) = trimmed(path, &body.to_string(), 0).unwrap_or_else(|| panic!("{path}"));
        let mut expected = body.clone();
        let last = expected[field].as_array().unwrap().last().unwrap().clone();
        expected[field] = json!([last]);
        assert_eq!(serde_json::from_str::<Value>(&changed).unwrap(), expected, "{path}");
        assert_eq!((trim.turns, trim.messages), (1, 4), "{path}");
        assert!(trim.tokens >= 8, "{path}: {}", trim.tokens);
    }
}

#[test]
fn the_last_turn_stays_whole_with_all_its_calls() {
    let body = json!({"model": "claude-haiku-4-5", "max_tokens": 9, "messages": [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "c", "name": "f", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": LONG}]}]});
    assert_eq!(trimmed("/v1/messages", &body.to_string(), 0), None);
}

#[test]
fn a_history_beside_the_question_may_go_as_a_whole() {
    let body = json!({"model": "m", "message": "z", "chat_history": [
        {"role": "USER", "message": "a"}, {"role": "CHATBOT", "message": "b"},
        {"role": "USER", "message": "c"}, {"role": "CHATBOT", "message": LONG}]});
    let (changed, trim) = trimmed("/v1/chat", &body.to_string(), 0).unwrap();
    assert_eq!(
        serde_json::from_str::<Value>(&changed).unwrap(),
        json!({"model": "m", "message": "z", "chat_history": []})
    );
    assert_eq!((trim.turns, trim.messages), (2, 4));
}

#[test]
fn what_is_no_conversation_is_not_trimmed() {
    for (path, body) in [
        ("/v1/responses", json!({"model": "m", "input": LONG})),
        ("/v1/embeddings", json!({"model": "m", "input": [LONG]})),
        (CHAT, json!({"model": "m", "messages": []})),
        (CHAT, json!({"model": "m", "messages": [1, null, "x"]})),
    ] {
        assert_eq!(trimmed(path, &body.to_string(), 0), None, "{body}");
    }
}
