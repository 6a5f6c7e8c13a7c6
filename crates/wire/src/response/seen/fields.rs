//! What each field does to what has been seen.

use super::{Choices, Part, Seen, kept};
use crate::response::document::Sink;
use crate::response::field::{Field, Leaf, Said, Scope};
use crate::response::figures::count;
use tokens::Usage;

/// A longer piece of text than any event has whose kind comes late.
const LONGEST_DELTA: usize = 64 * 1024;

impl Sink for Seen {
    fn enter(&mut self, field: &'static Field) {
        match field.scope {
            Scope::Choices => self.event.shape.choices = Choices::Some,
            Scope::NewCall => {
                self.event.call = self.next_call;
                self.next_call = self.next_call.saturating_add(1);
            }
            Scope::Usage => self.figures.clear(),
            Scope::Fallback | Scope::Inferences => {
                self.exchange_figures();
                self.figures.clear();
                self.event.inference_is_main = true;
            }
            Scope::PromptParts | Scope::CachedParts | Scope::OutputParts | Scope::WrittenParts => {
                (self.event.part_name, self.event.part) = (Part::Other, 0);
            }
            Scope::Error => {
                self.error = true;
                self.event.shape.error = true;
            }
            Scope::Image => self.made_image(),
            Scope::Unseen => {
                self.output.unseen();
                self.event.spoke = true;
            }
            Scope::Plain | Scope::Document | Scope::Calls | Scope::MoreUsage => {}
        }
    }

    fn leave(&mut self, field: &'static Field) {
        match field.scope {
            Scope::Usage | Scope::MoreUsage => {
                self.figures.take_changed();
                self.event.usage = self.figures.usage().or(self.event.usage);
                self.event.shape.usage |= self.event.usage.is_some();
            }
            Scope::Fallback => {
                self.fallback = self.figures.usage().or(self.fallback);
                self.exchange_figures();
            }
            // Each item of an array of events.
            Scope::Document if self.is_array => {
                self.end_of_event(true);
            }
            Scope::Inferences => self.leave_inference(),
            scope => self.leave_part(scope),
        }
    }

    fn array(&mut self, field: &'static Field) {
        match field.scope {
            Scope::Document => {
                self.is_array = true;
                self.event.shape.other = true;
            }
            Scope::Choices => {
                self.event.choice_place = 0;
                if self.event.shape.choices == Choices::Absent {
                    self.event.shape.choices = Choices::Empty;
                }
            }
            Scope::Calls => self.event.call_place = 0,
            Scope::Inferences => self.extras.aside = Usage::default(),
            _ => {}
        }
    }

    fn item(&mut self, field: &'static Field) {
        let event = &mut self.event;
        match field.scope {
            // An index of its own normally comes first; without, it is told by its place.
            Scope::Choices => {
                event.shape.choices = Choices::Some;
                event.choice = event.choice_place;
                event.choice_place = event.choice_place.saturating_add(1);
                event.reasoning_key = None;
            }
            Scope::Calls => {
                event.call = event.call_place;
                event.call_place = event.call_place.saturating_add(1);
            }
            _ => {}
        }
    }

    fn text(&mut self, field: &'static Field, piece: &str) {
        match field.leaf {
            Leaf::Said(Said::Reasoning)
                if *self.event.reasoning_key.get_or_insert(field.key) != field.key => {}
            Leaf::Said(said) => self.said(said, piece),
            Leaf::Delta if self.event.delta.len().saturating_add(piece.len()) <= LONGEST_DELTA => {
                self.event.delta.push_str(piece);
            }
            // What is too long for any delta is taken for text.
            Leaf::Delta => self.said(Said::Content, piece),
            _ => {}
        }
    }

    fn word(&mut self, field: &'static Field, word: &str) {
        match field.leaf {
            Leaf::Model => self.model(word),
            Leaf::Tier => self.tier = kept(word).or(self.tier.take()),
            Leaf::Finish => self.finish(word),
            Leaf::Status => self.status(word),
            Leaf::Kind => self.kind(word),
            Leaf::ErrorName => {
                self.error |= !word.is_empty();
                self.event.shape.error = true;
                self.error_name(word);
            }
            // OpenAI bills each search (pricing, "Built-in tools").
            Leaf::ItemType if word == "web_search_call" => self.searched(),
            Leaf::EventItemType => self.event.item_is_search = word == "web_search_call",
            Leaf::ItemName => word.clone_into(&mut self.event.item_name),
            Leaf::InferenceType => self.event.inference_is_main = word == "message",
            Leaf::Modality => {
                self.event.part_name = match word {
                    "AUDIO" => Part::Audio,
                    "IMAGE" => Part::Image,
                    _ => Part::Other,
                };
            }
            Leaf::Lifetime => {
                self.event.part_name = if word == "1h" { Part::LongLived } else { Part::Other };
            }
            Leaf::Search => self.searched(),
            _ => {}
        }
    }

    fn long_word(&mut self, field: &'static Field) {
        match field.leaf {
            Leaf::ErrorName => {
                self.error = true;
                self.event.shape.error = true;
            }
            Leaf::Search => self.searched(),
            _ => {}
        }
    }

    fn number(&mut self, field: &'static Field, written: &str) {
        let parsed = || written.parse::<f64>().ok();
        let milliseconds = || parsed().map_or(0, |seconds| (seconds * 1e3).round() as u64);
        match field.leaf {
            Leaf::ErrorName => self.error_name(written),
            Leaf::CostUsd => {
                // A conversion, no sum: `as` rounds towards zero and saturates.
                self.extras.cost_pico_usd = parsed().map(|usd| (usd * 1e12).round() as u64);
            }
            Leaf::AudioSeconds => {
                self.extras.audio_ms = milliseconds();
                self.figures.measured();
            }
            Leaf::AudioLength => self.event.audio_ms = milliseconds(),
            leaf => {
                if let Some(n) = count(written) {
                    self.set(leaf, n);
                }
            }
        }
    }

    fn flag(&mut self, field: &'static Field, value: bool) {
        if field.leaf == Leaf::Done && value {
            self.ended = true;
        }
    }
}
