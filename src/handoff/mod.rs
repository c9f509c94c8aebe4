//! Handoffs: documents with verified facts, and a life of their own on the hub.
//!
//! [`document`] is the file, with a front matter of [`value`]s; [`life`] says which state may
//! follow which. [`content`] makes facts of what git said ([`keys`]: of what a patch adds),
//! [`sender`] holds what a person wrote, [`render`] makes a document of all that, and [`plan`]
//! the steps. Only [`facts`] looks at the repository.

pub mod content;
pub mod deployed;
pub mod document;
pub mod facts;
pub mod keys;
pub mod life;
pub mod plan;
pub mod render;
mod rules;
pub mod seal;
pub mod sender;
pub mod value;
pub mod words;
