//! Texts with typed slots, such as `uploads/${caller.id}/`: parsed at start, filled for a request.
//!
//! A slot never brings in a character that could change the meaning of what stands around it. What does not fit is
//! refused, not escaped: RAM has no escape for `*` and `?`.

mod filling;
mod segment;
mod slot;
#[cfg(test)]
mod tests;

use thiserror::Error;

pub use self::filling::{Filling, MAX_IDENTITY, Unfillable, UnsafeId};
use self::filling::{MAX_EXTENSION, MAX_FILENAME, push_slot};
pub(in crate::policy) use self::segment::Segment;
pub use self::slot::{Place, Slot};

/// Why a text is no template for its place.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum InvalidTemplate {
    /// A `${` has no `}`.
    #[error("\"${{\" without \"}}\"")]
    Unclosed,
    /// The slot does not exist, or not here.
    #[error("${{{name}}} cannot stand here; there are {slots}")]
    UnknownSlot {
        /// The name between the braces.
        name: String,
        /// Those that can.
        slots: &'static str,
    },
}

/// A text with slots.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Template(Vec<Part>);

#[derive(Clone, Debug, Eq, PartialEq)]
enum Part {
    Text(String),
    Slot(Slot),
}

impl Template {
    /// Reads `text` for `place`.
    pub fn parse(text: &str, place: Place) -> Result<Self, InvalidTemplate> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) = after.split_once('}').ok_or(InvalidTemplate::Unclosed)?;
            let slot = Slot::parse(name).filter(|slot| place.admits(slot));
            let unknown = || InvalidTemplate::UnknownSlot { name: name.to_owned(), slots: place.slots() };
            push_text(&mut parts, before);
            parts.push(Part::Slot(slot.ok_or_else(unknown)?));
            rest = after;
        }
        push_text(&mut parts, rest);
        Ok(Self(parts))
    }

    /// The text for one request.
    pub fn fill(&self, filling: &Filling<'_>) -> Result<String, Unfillable> {
        let mut text = String::with_capacity(self.room());
        self.push(&mut text, filling)?;
        Ok(text)
    }

    /// Appends the text for one request to `out`.
    pub fn push(&self, out: &mut String, filling: &Filling<'_>) -> Result<(), Unfillable> {
        for part in &self.0 {
            match part {
                Part::Text(literal) => out.push_str(literal),
                Part::Slot(slot) => push_slot(out, slot, filling)?,
            }
        }
        Ok(())
    }

    /// How many bytes most texts have at most.
    pub(super) fn room(&self) -> usize {
        /// Enough for most of what fills a slot, which is a UUID at most.
        const SLOT: usize = 40;
        self.0.iter().map(|part| if let Part::Text(literal) = part { literal.len() } else { SLOT }).sum()
    }

    /// Whether the text depends on who asks.
    #[must_use]
    pub fn names_caller(&self) -> bool {
        self.slots().any(Slot::names_caller)
    }

    /// The names of the claims that it is filled with.
    pub fn claims(&self) -> impl Iterator<Item = &str> {
        self.slots().filter_map(|slot| if let Slot::CallerClaim(name) = slot { Some(name.as_str()) } else { None })
    }

    /// Whether the text contains the directory.
    #[must_use]
    pub fn names_dir(&self) -> bool {
        self.slots().any(|slot| *slot == Slot::Dir)
    }

    /// Whether every text differs from all others.
    #[must_use]
    pub fn is_unique(&self) -> bool {
        self.slots().any(|slot| *slot == Slot::Uuid)
    }

    /// Whether two slots of the caller stand in one segment of a path. No character but the slash is kept out of
    /// identities, so where one of the two ends and the other begins cannot be told.
    #[must_use]
    pub fn joins_identities(&self) -> bool {
        let mut slots = 0;
        self.0.iter().any(|part| {
            match part {
                Part::Text(text) if text.contains('/') => slots = 0,
                Part::Slot(slot) if slot.names_caller() => slots += 1,
                _ => {}
            }
            slots > 1
        })
    }

    /// The text before the first slot.
    #[must_use]
    pub fn fixed_start(&self) -> &str {
        match self.0.first() {
            Some(Part::Text(text)) => text,
            _ => "",
        }
    }

    /// The whole text, where there is no slot.
    #[must_use]
    pub fn as_fixed(&self) -> Option<&str> {
        (self.slots().next().is_none()).then(|| self.fixed_start())
    }

    /// The text of the most bytes that it can become, given the longest bucket and directory.
    #[must_use]
    pub fn longest(&self, bucket: &str, dir: &str) -> String {
        self.replaced(|slot| match slot {
            Slot::CallerId | Slot::CallerClaim(_) => "x".repeat(MAX_IDENTITY),
            Slot::Date => "2026-01-31".to_owned(),
            Slot::Uuid => "x".repeat(36),
            Slot::Filename => "x".repeat(MAX_FILENAME),
            Slot::Ext => "x".repeat(MAX_EXTENSION + 1),
            Slot::Bucket => bucket.to_owned(),
            Slot::Dir => dir.to_owned(),
        })
    }

    /// The text with each slot replaced by its substitute.
    pub(super) fn replaced(&self, substitute: impl Fn(&Slot) -> String) -> String {
        let text = |part: &Part| match part {
            Part::Text(literal) => literal.clone(),
            Part::Slot(slot) => substitute(slot),
        };
        self.0.iter().map(text).collect()
    }

    fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.0.iter().filter_map(|part| match part {
            Part::Slot(slot) => Some(slot),
            Part::Text(_) => None,
        })
    }
}

fn push_text(parts: &mut Vec<Part>, text: &str) {
    if !text.is_empty() {
        parts.push(Part::Text(text.to_owned()));
    }
}
