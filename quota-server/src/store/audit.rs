//! Changes of budgets by hand, and the trail that they leave.

/// A change that somebody asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adjustment {
    /// Index into the policy's budgets.
    pub budget: usize,
    pub subject: Vec<String>,
    pub action: Action,
    /// Who asks, as the access file names them.
    pub by: String,
    /// Why, in their words.
    pub reason: String,
    /// Whatever comes with the same key is the same change: it is made once.
    pub key: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Adds so much to the limit of the window that is open.
    TopUp(u64),
    /// What is used of the window that is open counts no more.
    Reset,
}

impl Action {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Action::TopUp(_) => "top-up",
            Action::Reset => "reset",
        }
    }
}

/// How an adjustment ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Adjusted {
    Made(Entry),
    /// It was made before.
    Repeated(Entry),
    /// Another change was made with this key.
    KeyTaken(Entry),
}

/// A change that was made. Entries are never changed and never removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// From 1, without gaps.
    pub number: u64,
    /// Unix ms.
    pub at: u64,
    pub by: String,
    pub action: Action,
    pub budget: String,
    /// Names of the budget's dimensions, and the values.
    pub per: Vec<String>,
    pub subject: Vec<String>,
    /// When the window began, Unix ms.
    pub window: u64,
    /// What the amounts are in.
    pub unit: String,
    pub before: Standing,
    pub after: Standing,
    pub reason: String,
    pub key: String,
}

/// How a bucket stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// With what was added to it.
    pub limit: u64,
    /// Without what was forgiven.
    pub used: u64,
    pub outstanding: u64,
}

impl Entry {
    /// Whether `asked` is this change, asked for again.
    #[must_use]
    pub fn is(&self, budget: &str, asked: &Adjustment) -> bool {
        self.budget == budget
            && self.subject == asked.subject
            && self.action == asked.action
            && self.reason == asked.reason
    }
}

/// Which entries: the newest of them first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Which {
    /// Those with a smaller number.
    pub before: Option<u64>,
    pub budget: Option<String>,
    pub most: u32,
}
