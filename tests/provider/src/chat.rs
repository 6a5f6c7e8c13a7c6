//! The request, checked as far as OpenAI's API is known to check it, and refusals in OpenAI's error shape.

use serde_json::{Value, json};

/// A chat-completions request.
#[derive(Debug, Clone)]
pub struct Chat {
    /// The model asked for, without a steering suffix.
    pub model: String,
    /// What followed a `?` in the model's name.
    pub steering: Option<String>,
    pub stream: bool,
    pub include_usage: bool,
    /// Whether chunks carry `obfuscation`, padding against guessing tokens by their size. On unless turned off.
    pub obfuscation: bool,
    /// `max_completion_tokens`, or its older name.
    pub limit: Option<u64>,
    /// How many answers.
    pub n: usize,
    pub body: Value,
}

/// A refusal.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    pub status: u16,
    kind: &'static str,
    param: Option<&'static str>,
    code: Option<&'static str>,
    message: String,
}

impl Refusal {
    fn invalid(param: Option<&'static str>, code: Option<&'static str>, message: impl Into<String>) -> Self {
        Self { status: 400, kind: "invalid_request_error", param, code, message: message.into() }
    }

    /// For a call that can't be steered as it asks.
    pub fn steering(message: String) -> Self {
        Self::invalid(None, Some("stand_in"), message)
    }

    /// What the API says with this status (its "Error codes" guide, and recorded answers).
    pub fn of_status(status: u16, model: &str) -> Self {
        let (kind, code, message) = match status {
            400 => ("invalid_request_error", None, "Invalid request.".into()),
            401 => ("invalid_request_error", Some("invalid_api_key"), "Incorrect API key provided.".into()),
            429 => (
                "tokens",
                Some("rate_limit_exceeded"),
                format!("Rate limit reached for {model} on tokens per min (TPM): Limit 30000, Used 30000."),
            ),
            503 => {
                ("server_error", None, "The engine is currently overloaded, please try again later".into())
            }
            _ => ("server_error", None, "The server had an error while processing your request.".into()),
        };
        Self { status, kind, param: None, code, message }
    }

    /// What an upstream says that does not know `stream_options`.
    pub fn stream_options() -> Self {
        let message = "Unknown parameter: 'stream_options'.";
        Self::invalid(Some("stream_options"), Some("unknown_parameter"), message)
    }

    pub fn body(&self) -> Vec<u8> {
        let Self { kind, param, code, message, .. } = self;
        let error = json!({"error": {"message": message, "type": kind, "param": param, "code": code}});
        format!("{error:#}\n").into_bytes()
    }
}

impl Chat {
    pub fn parse(body: &[u8]) -> Result<Self, Refusal> {
        let body: Value = serde_json::from_slice(body).map_err(|_| {
            let message = "We could not parse the JSON body of your request.";
            Refusal::invalid(None, None, message)
        })?;
        let model = match &body["model"] {
            Value::String(model) => model.as_str(),
            Value::Null => return Err(Refusal::invalid(None, None, "you must provide a model parameter")),
            _ => {
                let message = "Invalid type for 'model': expected a string.";
                return Err(Refusal::invalid(Some("model"), Some("invalid_type"), message));
            }
        };
        if !body["messages"].is_array() {
            let message = "Missing required parameter: 'messages'.";
            return Err(Refusal::invalid(Some("messages"), Some("missing_required_parameter"), message));
        }
        let stream = body["stream"] == true;
        let options = &body["stream_options"];
        if !options.is_null() && !stream {
            let message = "The 'stream_options' parameter is only allowed when 'stream' is enabled.";
            return Err(Refusal::invalid(Some("stream_options"), None, message));
        }
        let (model, steering) = match model.split_once('?') {
            Some((model, steering)) => (model, Some(steering.to_owned())),
            None => (model, None),
        };
        Ok(Self {
            model: model.to_owned(),
            steering,
            stream,
            include_usage: options["include_usage"] == true,
            obfuscation: options["include_obfuscation"] != false,
            limit: body["max_completion_tokens"].as_u64().or(body["max_tokens"].as_u64()),
            n: body["n"].as_u64().and_then(|n| usize::try_from(n).ok()).unwrap_or(1).clamp(1, 128),
            body,
        })
    }

    /// The dated name under which the API answers: a client asks for `gpt-4o` and is served a snapshot.
    pub fn served_model(&self) -> &str {
        match self.model.as_str() {
            "gpt-4o" => "gpt-4o-2024-08-06",
            "gpt-4o-mini" => "gpt-4o-mini-2024-07-18",
            "gpt-4.1" => "gpt-4.1-2025-04-14",
            "gpt-4.1-mini" => "gpt-4.1-mini-2025-04-14",
            "gpt-4" => "gpt-4-0613",
            "gpt-3.5-turbo" => "gpt-3.5-turbo-0125",
            other => other,
        }
    }
}
