//! What of a response is read: a table of fields for each format.
//!
//! A table names the members of an object that matter, as they nest in the provider's documentation, and says of each
//! what it means. Everything else is skipped. Arrays need no entry of their own: their items stand where they stand.

use super::figures::Figure;

/// A member of an object.
#[derive(Debug)]
pub(crate) struct Field {
    pub(super) key: &'static str,
    /// What its value means if it is a string, a number, true or false.
    pub(super) leaf: Leaf,
    /// What its value means if it is an object, or an array.
    pub(super) scope: Scope,
    /// Where two name the same member, the first counts.
    members: [&'static [Field]; 3],
}

impl Field {
    /// Skipped, but for what [`Field::means`] and its likes add.
    pub(crate) const fn new(key: &'static str) -> Self {
        Field { key, leaf: Leaf::Nothing, scope: Scope::Plain, members: [&[]; 3] }
    }

    /// A whole document.
    pub(crate) const fn document(members: &'static [Field]) -> Self {
        Field::new("").with(members).opens(Scope::Document)
    }

    pub(crate) const fn means(mut self, leaf: Leaf) -> Self {
        self.leaf = leaf;
        self
    }

    pub(crate) const fn is(self, figure: Figure) -> Self {
        self.means(Leaf::Figure(figure))
    }

    pub(crate) const fn says(self, said: Said) -> Self {
        self.means(Leaf::Said(said))
    }

    pub(crate) const fn opens(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    pub(crate) const fn with(mut self, members: &'static [Field]) -> Self {
        self.members = [members, &[], &[]];
        self
    }

    /// With the members of other formats, too.
    pub(crate) const fn and(mut self, more: &'static [Field], still_more: &'static [Field]) -> Self {
        let [members, _, _] = self.members;
        self.members = [members, more, still_more];
        self
    }

    pub(super) fn member(&self, key: &[u8]) -> Option<&'static Field> {
        self.members.iter().find_map(|group| group.iter().find(|field| field.key.as_bytes() == key))
    }

    /// Whether anything about an object matters that it holds.
    pub(super) const fn is_object(&self) -> bool {
        let [members, ..] = self.members;
        !members.is_empty() || !matches!(self.scope, Scope::Plain)
    }

    /// Whether anything about an array's items matters by itself.
    pub(super) const fn has_items(&self) -> bool {
        self.is_object() || !matches!(self.leaf, Leaf::Nothing | Leaf::Said(Said::CallArguments))
    }
}

/// What a string, a number or a truth value means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leaf {
    Nothing,
    /// The model that answers.
    Model,
    /// The service tier that served.
    Tier,
    /// Why the model stopped.
    Finish,
    /// How far the response is, and in the end why it stopped.
    Status,
    /// What kind of event this is, by its own name.
    Kind,
    /// True with the last event.
    Done,
    /// A name for an error, a word or a number.
    ErrorName,
    Figure(Figure),
    /// One of several that add up to a figure.
    Summand(Figure),
    /// Text of the model's.
    Said(Said),
    /// Text of the model's: the event's kind, which may come after it, says of what sort.
    Delta,
    /// Which choice the texts beside it belong to.
    Choice,
    /// Which call the texts beside it belong to.
    Call,
    /// The type of an item of output, which may be a search.
    ItemType,
    /// The same in an event, whose kind says whether it counts.
    EventItemType,
    /// The name of what an item of output calls.
    ItemName,
    /// The type of one of several inferences in a call.
    InferenceType,
    /// The medium of the figure beside it.
    Modality,
    /// How long what the figure beside it was written to a cache is kept there.
    Lifetime,
    /// The figure of a [`Leaf::Modality`] or a [`Leaf::Lifetime`].
    Part,
    /// What the provider says the call cost, in US dollars.
    CostUsd,
    /// Seconds of audio, billed by their length.
    AudioSeconds,
    /// Seconds of audio, which count where nothing else is said.
    AudioLength,
    /// A number of searches.
    Searches,
    /// A search, by what was searched for.
    Search,
    /// A number of pages fetched.
    Fetches,
    /// A document of another format, in base64.
    Wrapped,
}

/// What sort of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Content,
    Refusal,
    Reasoning,
    CallName,
    /// As a string with JSON in it, or as JSON.
    CallArguments,
}

/// What an object, or each object in an array, means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    Plain,
    /// A whole response, or one event of a stream.
    Document,
    /// Answers to the same request, by their places.
    Choices,
    /// Calls of tools, by their places.
    Calls,
    /// Each one a call of a tool that was not there before.
    NewCall,
    /// Figures; they replace those that came before.
    Usage,
    /// Figures; those left out stay what they were.
    MoreUsage,
    /// The figures of who runs the model, for where the model's own do not say all.
    Fallback,
    /// Several inferences in one call.
    Inferences,
    /// Parts of a figure by medium.
    PromptParts,
    CachedParts,
    OutputParts,
    /// Parts of what was written to a cache, by lifetime.
    WrittenParts,
    Error,
    /// An image made.
    Image,
    /// Output that is not text: audio.
    Unseen,
}
