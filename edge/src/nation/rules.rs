//! The versions that an edge knows: a fold of the texts that the hub has published, in their order.

use std::sync::Arc;

use aws_lc_rs::digest;
use shared::rules::programme::{Version, Versions};

/// Known versions, and a print of the texts that made them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rules {
    /// Equal prints come from equal texts in equal order.
    pub(super) print: [u8; 32],
    pub(crate) versions: Arc<Versions>,
}

impl Rules {
    /// With one more text. One that cannot be read (a version of the future) changes nothing but the print.
    pub(super) fn with(&self, text: &str) -> Self {
        let mut next = Self { print: self.print_with(text), versions: Arc::clone(&self.versions) };
        match Version::parse(text) {
            Ok(version) => {
                if shared::planted!(OnlyNewestVersion) {
                    next.versions = Arc::default();
                }
                Arc::make_mut(&mut next.versions).insert(version);
            }
            Err(bad) => tracing::warn!(%bad, "a published version cannot be read; update this edge"),
        }
        next
    }

    /// The print behind one more text.
    pub(super) fn print_with(&self, text: &str) -> [u8; 32] {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(&self.print);
        context.update(text.as_bytes());
        context.finish().as_ref().try_into().unwrap_or_default()
    }
}
