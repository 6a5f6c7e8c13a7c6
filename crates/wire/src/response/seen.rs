//! What has been seen of a response, in terms of no provider: the place that every format's fields lead to.

mod fields;

use super::field::{Leaf, Said, Scope};
use super::figures::Figures;
use super::kind::Kind;
use super::output::{Channel, Output, Source};
use super::report::{Extras, FinishReason};
use tokens::{Model, Usage};

/// As for requests: far above any real name.
const LONGEST_NAME: usize = 256;

#[derive(Debug, Default)]
pub(super) struct Seen {
    /// The last figures given.
    pub(super) usage: Option<Usage>,
    /// Whether they were given with or after what ends a response.
    pub(super) complete: bool,
    /// The figures of who runs the model.
    pub(super) fallback: Option<Usage>,
    pub(super) output: Output,
    pub(super) error: bool,
    pub(super) error_name: Option<String>,
    pub(super) model: Option<String>,
    pub(super) tier: Option<String>,
    pub(super) finish: Option<(FinishReason, String)>,
    pub(super) extras: Extras,
    /// Events that brought output.
    pub(super) chunks: u64,
    /// The response is one document, so that what it reports is all.
    pub(super) is_whole: bool,
    /// The response is an array of events.
    pub(super) is_array: bool,
    /// Something has come that ends a response.
    ended: bool,
    figures: Figures,
    /// Figures that are not being read while others are.
    figures_aside: Figures,
    next_call: u64,
    event: Event,
}

/// What is known of the event being read.
#[derive(Debug, Default)]
struct Event {
    kind: Kind,
    shape: Shape,
    spoke: bool,
    /// Figures under `usage`.
    usage: Option<Usage>,
    /// The figures were exchanged, and not yet back.
    exchanged: bool,
    choice: u64,
    choice_place: u64,
    call: u64,
    call_place: u64,
    /// A part of a figure: what it is, and how much.
    part_name: Part,
    part: u64,
    /// The name under which the choice's reasoning came: where it comes under two, it counts once.
    reasoning_key: Option<&'static str>,
    /// Text whose sort the kind will tell.
    delta: String,
    item_name: String,
    item_is_search: bool,
    /// The inference being read is one of the response's own.
    inference_is_main: bool,
    /// How long a recording is, billed so or not.
    audio_ms: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Part {
    #[default]
    Other,
    Audio,
    Image,
    LongLived,
}

/// What an event was, for who decides on passing it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) choices: Choices,
    pub(super) usage: bool,
    pub(super) error: bool,
    /// It is no object.
    pub(super) other: bool,
}

/// What an event's `choices` were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Choices {
    #[default]
    Absent,
    Empty,
    Some,
}

impl Shape {
    /// The extra chunk that `include_usage` brings: it has usage and nothing else a client would miss.
    pub(super) fn is_usage_only(self) -> bool {
        self.choices == Choices::Empty && self.usage && !self.error
    }

    /// Whether an event that has begun like this can still turn out to be that chunk.
    pub(super) fn may_be_usage_only(self) -> bool {
        self.choices != Choices::Some && !self.error && !self.other
    }
}

impl Seen {
    /// The name of the event that is being read, from outside its document.
    pub(super) fn event_name(&mut self, name: &str) {
        self.kind(name);
    }

    /// An event that is an error by its frame.
    pub(super) fn exception(&mut self, name: &str) {
        self.error = true;
        self.error_name(name);
    }

    /// The shape of the event as far as it has come.
    pub(super) fn shape(&self) -> Shape {
        self.event.shape
    }

    /// The event has been read, to its end or (where it was cut or is no JSON) as far as it went; what it was.
    pub(super) fn end_of_event(&mut self, all: bool) -> Shape {
        self.resolve_kind();
        let event = std::mem::take(&mut self.event);
        if event.exchanged {
            self.exchange_figures();
        }
        if event.spoke {
            self.chunks = self.chunks.saturating_add(1);
        }
        self.ended |= matches!(event.kind, Kind::Last | Kind::LastImage);
        // Figures outside any `usage` count once their document is complete.
        let bare = self.figures.take_changed() && all;
        let usage = event.usage.or_else(|| bare.then(|| self.figures.usage()).flatten());
        let usage = usage.or_else(|| self.usage_by_length(event.audio_ms));
        if let Some(usage) = usage {
            self.complete = self.ended || event.shape.is_usage_only() || (self.is_whole && !self.is_array);
            self.usage = Some(usage);
            self.note_coverage(event.kind);
        }
        if all { event.shape } else { Shape::default() }
    }

    /// The usage of a recording of which nothing is known but its length.
    fn usage_by_length(&mut self, audio_ms: u64) -> Option<Usage> {
        if audio_ms == 0 || self.usage.is_some() {
            return None;
        }
        self.extras.audio_ms = audio_ms;
        Some(Usage::default())
    }

    /// The event did not arrive as it was sent: its figures are not to be trusted.
    pub(super) fn discard_event(&mut self) {
        self.event.usage = None;
        self.end_of_event(false);
    }

    /// What the figures of this event stand for.
    fn note_coverage(&mut self, kind: Kind) {
        let Some(usage) = &mut self.usage else { return };
        if kind == Kind::Start && !self.complete {
            // It counts what is still to be said.
            (usage.output_visible, usage.reasoning, usage.audio_out) = (0, 0, 0);
        } else if usage.output() > 0 {
            self.output.reported();
        }
    }

    /// The end of a stream, said outside any document.
    pub(super) fn end_of_stream(&mut self) {
        self.ended = true;
        self.complete |= self.usage.is_some();
    }

    fn exchange_figures(&mut self) {
        self.event.exchanged = !self.event.exchanged;
        std::mem::swap(&mut self.figures, &mut self.figures_aside);
    }

    fn kind(&mut self, name: &str) {
        let kind = Kind::of(name);
        if kind == Kind::Error {
            self.error = true;
            self.event.shape.error = true;
        }
        if kind != Kind::Other {
            self.event.kind = kind;
        }
    }

    /// What an event brought before its kind was known.
    fn resolve_kind(&mut self) {
        let (delta, name) =
            (std::mem::take(&mut self.event.delta), std::mem::take(&mut self.event.item_name));
        match self.event.kind {
            Kind::Delta(said) => self.said(said, &delta),
            Kind::Other => self.said(Said::Content, &delta),
            Kind::ItemBegins => self.said(Said::CallName, &name),
            Kind::LastImage => self.made_image(),
            Kind::ItemEnds if self.event.item_is_search => self.searched(),
            _ => {}
        }
    }

    fn said(&mut self, said: Said, piece: &str) {
        if piece.is_empty() || matches!(self.event.kind, Kind::Restates | Kind::Last) {
            return;
        }
        let Event { choice, call, .. } = self.event;
        let source = match said {
            Said::Content => Source::Content,
            Said::Refusal => Source::Refusal,
            Said::Reasoning => Source::Reasoning,
            Said::CallName => Source::CallName(call),
            Said::CallArguments => Source::CallArguments(call),
        };
        self.output.push(Channel { choice, source }, piece);
        self.event.spoke = true;
    }

    /// The model that answers, named in every chunk; Azure's first one names the empty string.
    fn model(&mut self, name: &str) {
        if self.model.is_none()
            && let Some(name) = kept(name)
        {
            self.output.expect_unless_told(Model::of(&name).encoding);
            self.model = Some(name);
        }
    }

    fn error_name(&mut self, name: &str) {
        if self.error_name.is_none() {
            self.error_name = kept(name);
        }
    }

    fn finish(&mut self, word: &str) {
        let Some(raw) = kept(word) else { return };
        let reason = FinishReason::of(word);
        // A malformed call is the model's failure, and no error of the provider's.
        self.error |= matches!(word, "error" | "ERROR" | "failed" | "network_error");
        self.ended = true;
        self.finish = Some((reason, raw));
    }

    /// A status says less than a reason.
    fn status(&mut self, word: &str) {
        let is_end = matches!(word, "completed" | "incomplete" | "failed" | "cancelled");
        if is_end && (self.finish.is_none() || word != "incomplete") {
            self.finish(word);
        }
    }

    fn made_image(&mut self) {
        self.extras.images = self.extras.images.saturating_add(1);
    }

    fn searched(&mut self) {
        self.extras.searches = self.extras.searches.saturating_add(1);
    }

    fn set(&mut self, leaf: Leaf, n: u64) {
        let Seen { figures, extras, event, .. } = self;
        match leaf {
            Leaf::Figure(figure) => figures.set(figure, n),
            Leaf::Summand(figure) => figures.add(figure, n),
            Leaf::Part => event.part = n,
            Leaf::Choice => event.choice = n,
            Leaf::Call => event.call = n,
            Leaf::Searches => extras.searches = n,
            Leaf::Fetches => extras.fetches = n,
            _ => {}
        }
    }

    fn leave_part(&mut self, scope: Scope) {
        use super::figures::Figure::{AudioIn, AudioOut, CacheWriteLong, CacheWriteShort, ImageIn};
        use super::figures::Figure::{CachedAudio, CachedImage};
        let figure = match (scope, self.event.part_name) {
            (Scope::PromptParts, Part::Audio) => AudioIn,
            (Scope::PromptParts, Part::Image) => ImageIn,
            (Scope::CachedParts, Part::Audio) => CachedAudio,
            (Scope::CachedParts, Part::Image) => CachedImage,
            (Scope::OutputParts, Part::Audio) => AudioOut,
            (Scope::WrittenParts, Part::LongLived) => CacheWriteLong,
            (Scope::WrittenParts, _) => CacheWriteShort,
            _ => return,
        };
        self.figures.add(figure, self.event.part);
    }

    fn leave_inference(&mut self) {
        let usage = self.figures.usage();
        self.exchange_figures();
        if !self.event.inference_is_main {
            self.extras.aside = self.extras.aside.saturating_add(usage.unwrap_or_default());
        }
    }
}

fn kept(name: &str) -> Option<String> {
    (!name.is_empty() && name.len() <= LONGEST_NAME).then(|| name.to_owned())
}
